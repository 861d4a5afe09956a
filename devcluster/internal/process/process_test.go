package process

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sleeper starts a process that ends only when it is told to.
func sleeper(t *testing.T, script string) (Identity, Command) {
	t.Helper()
	shell, err := exec.LookPath("sh")
	require.NoError(t, err)
	command := Command{
		Path: shell, Args: []string{"-c", script},
		Log: filepath.Join(t.TempDir(), "logs", "it.log"), Mark: t.Name(),
	}
	id, err := Start(command)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, id.Stop(context.Background(), 0)) })
	return id, command
}

func TestStopEndsTheProcess(t *testing.T) {
	id, _ := sleeper(t, "exec sleep 600")
	require.True(t, id.Alive())

	require.NoError(t, id.Stop(t.Context(), time.Minute))
	assert.False(t, id.Alive())
	assert.NoError(t, id.Stop(t.Context(), time.Minute), "stopping twice is no error")
}

func TestStopKillsWhatIgnoresTheRequest(t *testing.T) {
	id, command := sleeper(t, "trap '' TERM; echo deaf; while :; do sleep 0.1; done")
	waitForLog(t, command.Log, "deaf")

	require.NoError(t, id.Stop(t.Context(), 50*time.Millisecond))
	assert.False(t, id.Alive())
}

func TestAReusedPIDIsLeftAlone(t *testing.T) {
	id, _ := sleeper(t, "exec sleep 600")
	for name, other := range map[string]Identity{
		"another start": {PID: id.PID, Start: id.Start - 1, Boot: id.Boot},
		"another boot":  {PID: id.PID, Start: id.Start, Boot: "another"},
	} {
		assert.False(t, other.Alive(), name)
		require.NoError(t, other.Stop(t.Context(), 0), name)
		require.ErrorIs(t, other.Signal(syscall.SIGKILL), os.ErrProcessDone, name)
	}
	assert.True(t, id.Alive())
}

func TestNoProcessIsNotAlive(t *testing.T) {
	assert.False(t, Identity{}.Alive())
	assert.NoError(t, Identity{}.Stop(t.Context(), 0))
}

func TestMarkedFindsDescendants(t *testing.T) {
	if _, err := os.Stat("/proc/self/environ"); err != nil {
		t.Log("only Linux lets us look: the answer must be empty, not an error")
		marked, err := Marked(t.Name())
		require.NoError(t, err)
		require.Empty(t, marked)
		return
	}
	id, command := sleeper(t, "sleep 600 & echo started; wait")
	waitForLog(t, command.Log, "started")

	marked, err := Marked(t.Name())
	require.NoError(t, err)
	assert.Contains(t, marked, id)
	assert.Len(t, marked, 2, "the shell and its child")
	for _, one := range marked {
		require.NoError(t, one.Stop(t.Context(), 0))
	}
	marked, err = Marked(t.Name())
	require.NoError(t, err)
	assert.Empty(t, marked)
}

func TestKillIfAsksFirst(t *testing.T) {
	id, _ := sleeper(t, "exec sleep 600")
	require.NoError(t, KillIf(id.PID, func() bool { return false }))
	require.True(t, id.Alive())

	require.NoError(t, KillIf(id.PID, func() bool { return true }))
	require.Eventually(t, func() bool { return !id.Alive() }, time.Minute, 10*time.Millisecond)
	require.NoError(t, KillIf(id.PID, id.Alive), "it is gone already")
}

func TestAProcessThatEndsAtOnceHasAnIdentity(t *testing.T) {
	id, _ := sleeper(t, "exit 3")
	require.NotZero(t, id.Start)
	require.Eventually(t, func() bool { return !id.Alive() }, time.Minute, 10*time.Millisecond)
}

func TestStartReportsAMissingProgram(t *testing.T) {
	_, err := Start(Command{Path: "/nonexistent/program", Log: filepath.Join(t.TempDir(), "it.log")})
	assert.ErrorContains(t, err, "starting /nonexistent/program")
}

func TestTail(t *testing.T) {
	path := filepath.Join(t.TempDir(), "it.log")
	assert.Contains(t, Tail(path, 3), "no log")

	require.NoError(t, os.WriteFile(path, nil, 0o600))
	assert.Contains(t, Tail(path, 3), "is empty")

	require.NoError(t, os.WriteFile(path, []byte("a\nb\nc\nd\n"), 0o600))
	assert.Equal(t, "    c\n    d", Tail(path, 2))

	long := strings.Repeat("x", 2*tailBytes) + "\nthe end"
	require.NoError(t, os.WriteFile(path, []byte(long), 0o600))
	assert.Equal(t, "    the end", Tail(path, 1))
	assert.Equal(t, "    "+strings.Repeat("x", lineBytes)+" ...\n    the end", Tail(path, 2))
}

func waitForLog(t *testing.T, path, text string) {
	t.Helper()
	require.Eventually(t, func() bool {
		content, err := os.ReadFile(path)
		return err == nil && strings.Contains(string(content), text)
	}, time.Minute, 10*time.Millisecond)
}
