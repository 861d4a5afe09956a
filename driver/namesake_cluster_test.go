package driver

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchestra-ci/orchestra-k8s/internal/faultproxy"
	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

// replacement lets a pod vanish while its driver is cut off from all news of pods, and lets another driver run something of the same name. Logs,
// attach and exec know pods by their names only.
type replacement struct {
	d, other *Driver
	proxy    *faultproxy.Proxy
	blind    atomic.Bool
	between  atomic.Pointer[func()]
}

func newReplacement(t *testing.T) *replacement {
	t.Helper()
	r := &replacement{}
	r.proxy = faultproxy.Start(t, clusterConfig(t), r.plan)
	namespace := uniqueNamespace()
	r.d, _ = onCluster(t, namespace, func(cfg *Config) { cfg.RESTConfig = r.proxy.Config() })
	r.other, _ = onCluster(t, namespace, nil)
	t.Cleanup(func() { r.blind.Store(false) })
	return r
}

func (r *replacement) plan(request *http.Request) faultproxy.Fault {
	switch last := path.Base(request.URL.Path); last {
	case "pods":
		if request.Method == http.MethodGet && r.blind.Load() {
			return faultproxy.Break
		}
	case "log", "attach", "exec":
		if act := r.between.Swap(nil); act != nil {
			(*act)()
		}
	}
	return faultproxy.Pass
}

// cutOff lets the driver see nothing from now on.
func (r *replacement) cutOff() {
	r.blind.Store(true)
	r.proxy.Reset()
}

// soon acts just before the next log, attach or exec request is passed on.
func (r *replacement) soon(act func()) { r.between.Store(&act) }

// task replaces a container's pod by that of another task of the same ID, which runs.
func (r *replacement) task(t *testing.T, old *container, command string) *container {
	t.Helper()
	vanish(t, r.other, old)
	c := run(t, r.other, script(old.task, command))
	assert.Equal(t, old.ID(), c.ID())
	assert.NoError(t, c.awaitRunning(long(t)))
	return c
}

// sandbox is task for a sandbox.
func (r *replacement) sandbox(t *testing.T, old *container) orchestra.Sandbox {
	t.Helper()
	vanish(t, r.other, old)
	return startSandbox(t, r.other)
}

func TestClusterLogIsNotANamesakes(t *testing.T) {
	const speaker = "echo namesake; sleep 3600"
	for name, act := range map[string]func(t *testing.T, r *replacement, old *container){
		"replaced before": func(t *testing.T, r *replacement, old *container) { r.task(t, old, speaker) },
		"replaced just before the request": func(t *testing.T, r *replacement, old *container) {
			_, err := old.SplitsLogs(long(t)) // which is asked once
			require.NoError(t, err)
			r.soon(func() { r.task(t, old, speaker) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newReplacement(t)
			old := run(t, r.d, script("one", "echo old; sleep 3600"))
			require.NoError(t, old.awaitRunning(long(t)))
			r.cutOff()
			act(t, r, old)
			for _, follow := range []bool{false, true} {
				var out bytes.Buffer
				err := old.Logs(long(t), &out, &out, follow)
				require.ErrorIs(t, err, errNamesake, "follow: %v", follow)
				assert.Empty(t, out.String(), "follow: %v", follow)
			}
		})
	}
}

func TestClusterFollowedLogDoesNotGoOnInANamesake(t *testing.T) {
	t.Parallel()
	r := newReplacement(t)
	old := run(t, r.d, script("one", "echo old; sleep 3600"))
	out, writer := io.Pipe()
	result := make(chan error, 1)
	go func() {
		err := old.Logs(long(t), writer, writer, true)
		writer.Close()
		result <- err
	}()
	_, err := io.ReadFull(out, make([]byte, len("old\n")))
	require.NoError(t, err)
	r.cutOff()
	r.task(t, old, "echo namesake; sleep 3600")
	rest, err := io.ReadAll(out)
	require.NoError(t, err)
	assert.Empty(t, string(rest))
	err = <-result
	require.ErrorIs(t, err, errNamesake)
	var gap *LogGapError
	assert.ErrorAs(t, err, &gap, "nobody knows what the old one still wrote")
}

func TestClusterExecIsNotInANamesake(t *testing.T) {
	for name, soon := range map[string]bool{"replaced before": false, "replaced just before the request": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newReplacement(t)
			old := startSandbox(t, r.d).(*sandbox)
			r.cutOff()
			var namesake orchestra.Sandbox
			act := func() { namesake = r.sandbox(t, old.c) }
			if soon {
				r.soon(act)
			} else {
				act()
			}
			_, err := old.Exec(long(t), []string{"touch", "/here"}, nil, "", nil, nil, nil)
			require.ErrorIs(t, err, errNamesake)
			code, _, _ := inSandbox(t, namesake, "test -e /here", nil)
			assert.Equal(t, 1, code, "the command has run in the other sandbox")
		})
	}
}

// The end of a call that has failed must not end a process of the same number.
func TestClusterKillIsNotInANamesake(t *testing.T) {
	t.Parallel()
	r := newReplacement(t)
	old := startSandbox(t, r.d).(*sandbox)
	r.cutOff()
	namesake := r.sandbox(t, old.c)
	stdin, writer := io.Pipe()
	said, stdout := io.Pipe()
	result := make(chan error, 1)
	go func() {
		end, err := namesake.Exec(long(t), []string{"sh", "-c", "cut -d ' ' -f 5 /proc/$$/stat; exec cat"}, nil, "", stdin, stdout, nil)
		if err == nil && end.ExitCode() != 0 {
			err = fmt.Errorf("it ended with exit code %d", end.ExitCode())
		}
		result <- errors.Join(err, stdout.Close())
	}()
	lines := bufio.NewReader(said)
	group, err := lines.ReadString('\n')
	require.NoError(t, err)
	r.d.killGroup(long(t), process{pod: old.c.pod(), tool: toolsPath}, strings.TrimSpace(group))
	_, err = io.WriteString(writer, "alive\n")
	require.NoError(t, err)
	answer, err := lines.ReadString('\n')
	require.NoError(t, err)
	assert.Equal(t, "alive\n", answer)
	require.NoError(t, writer.Close())
	require.NoError(t, <-result)
}

// A namesake's stdin must not even be attached to: it would take the end of that for the end of its own input.
func TestClusterStdinOfANamesakeIsLeftAlone(t *testing.T) {
	t.Parallel()
	r := newReplacement(t)
	old := run(t, r.d, sleeper("one"))
	require.NoError(t, old.awaitRunning(long(t)))
	r.cutOff()
	vanish(t, r.other, old)
	stdin, writer := io.Pipe()
	reader := script("one", "cat")
	reader.Stdin = stdin
	namesake := run(t, r.other, reader)
	require.NoError(t, namesake.awaitRunning(long(t)))

	_, err := r.d.attachStdin(long(t), old.pod())
	require.ErrorIs(t, err, errNamesake)
	assert.False(t, isLostAttach(err), "it was attached to")
	_, err = io.WriteString(writer, "whole")
	require.NoError(t, err)
	require.NoError(t, writer.Close())
	_, out := finish(t, namesake)
	assert.Equal(t, "whole", out)
}

func TestClusterStdinIsNotGivenToANamesake(t *testing.T) {
	t.Parallel()
	r := newReplacement(t)
	old := run(t, r.d, sleeper("one"))
	require.NoError(t, old.awaitRunning(long(t)))
	r.cutOff()
	r.soon(func() { r.task(t, old, "sleep 3600") })
	_, err := r.d.attachStdin(long(t), old.pod())
	require.ErrorIs(t, err, errNamesake)
	assert.True(t, isLostAttach(err), "it was attached to")
}
