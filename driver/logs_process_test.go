package driver

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// followVariable makes this test binary a program that follows a log to its stdout, as `kubectl logs -f` does. It holds a
// followedTask as JSON.
const followVariable = "ORCHESTRA_TEST_FOLLOW"

type followedTask struct{ Kubeconfig, Namespace, ID string }

// followLog is the program's main. It returns its exit code.
func followLog(text string) int {
	var t followedTask
	err := json.Unmarshal([]byte(text), &t)
	if err == nil {
		err = t.follow(context.Background())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func (t followedTask) follow(ctx context.Context) error {
	d, err := New(ctx, Config{Namespace: t.Namespace, Kubeconfig: t.Kubeconfig}, nil)
	if err != nil {
		return err
	}
	c, err := d.GetContainer(ctx, t.ID)
	if err != nil {
		return err
	}
	return c.Logs(ctx, os.Stdout, os.Stdout, true)
}

// command runs the program.
func (t followedTask) command(b *testing.B) *exec.Cmd {
	b.Helper()
	text, err := json.Marshal(t)
	require.NoError(b, err)
	self, err := os.Executable()
	require.NoError(b, err)
	cmd := exec.CommandContext(b.Context(), self)
	cmd.Env = append(os.Environ(), followVariable+"="+string(text))
	return cmd
}

// follower adds up what a program takes that writes a log to a file, from its start to its end.
type follower struct {
	file      string
	wall, cpu time.Duration
	bytes     int
}

func newFollower(b *testing.B) *follower {
	b.Helper()
	return &follower{file: filepath.Join(b.TempDir(), "log")}
}

// run runs the program, which has to write the whole log.
func (f *follower) run(cmd *exec.Cmd, whole []byte) error {
	out, err := os.Create(f.file)
	if err != nil {
		return err
	}
	defer out.Close()
	var stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = out, &stderr
	began := time.Now()
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w: %s", cmd.Path, err, &stderr)
	}
	f.wall += time.Since(began)
	f.cpu += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	f.bytes += len(whole)
	written, err := os.ReadFile(f.file)
	if err == nil && !bytes.Equal(written, whole) {
		err = fmt.Errorf("%s wrote %d bytes that are not the log, which has %d", cmd.Path, len(written), len(whole))
	}
	return err
}

func (f *follower) rate() float64 { return float64(f.bytes) / 1e6 / f.wall.Seconds() }
