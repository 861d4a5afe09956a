package driver

import (
	"bytes"
	"context"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

// typist is a person at a terminal of a sandbox.
type typist struct {
	t      *testing.T
	keys   *io.PipeWriter
	shown  *display
	sizes  chan TerminalSize
	result chan typed
}

type typed struct {
	status orchestra.ContainerStatus
	err    error
}

func sitDown(ctx context.Context, t *testing.T, s orchestra.Sandbox, cmd ...string) *typist {
	t.Helper()
	reader, writer := io.Pipe()
	p := &typist{t: t, keys: writer, shown: &display{}, sizes: make(chan TerminalSize, 1), result: make(chan typed, 1)}
	p.sizes <- TerminalSize{Width: 100, Height: 40}
	ctx, cancel := context.WithTimeout(ctx, clusterTimeout)
	t.Cleanup(func() { cancel(); _ = writer.Close() })
	go func() {
		status, err := s.(TerminalExecer).ExecTerminal(ctx, cmd, map[string]string{"OWN": "it's"}, "/tmp", Terminal{Stdin: reader, Stdout: p.shown, Sizes: p.sizes})
		_ = reader.CloseWithError(io.ErrClosedPipe) // nobody types into what has ended
		p.result <- typed{status, err}
	}()
	return p
}

// types presses keys and waits until the screen shows something.
func (p *typist) types(keys, until string) {
	p.t.Helper()
	_, err := io.WriteString(p.keys, keys)
	require.NoError(p.t, err)
	if !assert.Eventually(p.t, func() bool { return strings.Contains(p.shown.String(), until) }, patience, 5*time.Millisecond) {
		require.FailNow(p.t, "it was never shown", "typed %q, want %q in:\n%q", keys, until, p.shown.String())
	}
}

// display is what a terminal has shown.
type display struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (d *display) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.text.Write(p)
}

func (d *display) String() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.text.String()
}

func TestClusterTerminal(t *testing.T) {
	d, _ := onCluster(t, uniqueNamespace(), nil)
	s := startSandbox(t, d)
	for name, use := range map[string]*Driver{"over WebSocket": d, "over SPDY": spdyDriver(t, d)} {
		s, err := use.GetSandbox(t.Context(), s.ID())
		require.NoError(t, err, name)
		p := sitDown(t.Context(), t, s, "sh")
		p.types("tty && stty size && pwd && echo $OWN\r", "it's\r\n")
		assert.Regexp(t, `/dev/pts/\d+\r\n40 100\r\n/tmp\r\n`, p.shown.String(), name)
		assert.NotContains(t, p.shown.String(), "__orchestra", "the driver's own program shows nothing")
		p.sizes <- TerminalSize{Width: 120, Height: 50}
		p.types("until stty size | grep '50 120'; do sleep 0.1; done\r", "50 120\r\n")
		// A shell of its own, because an interactive one that is about to start the sleep may miss a Ctrl-C.
		p.types("sh -c \"echo be''gun; sleep 1000\"\r", "begun\r\n")
		p.types("\x03echo al''ive\r", "alive\r\n")
		p.types("exit 7\r", "exit 7")
		got := <-p.result
		require.NoError(t, got.err, name)
		assert.Equal(t, 7, got.status.ExitCode(), name)
	}
	_, err := s.(TerminalExecer).ExecTerminal(t.Context(), []string{"true"}, nil, "/no/such", Terminal{})
	require.ErrorContains(t, err, "/no/such")
	got, err := s.(TerminalExecer).ExecTerminal(t.Context(), []string{"no-such-program"}, nil, "", Terminal{})
	require.NoError(t, err)
	assert.Equal(t, 127, got.ExitCode())
	var shown bytes.Buffer
	_, err = s.(TerminalExecer).ExecTerminal(t.Context(), []string{"cat"}, nil, "", Terminal{Stdin: strings.NewReader("typed\r"), Stdout: &shown})
	require.NoError(t, err)
	assert.Equal(t, "typed\r\ntyped\r\n", shown.String(), "the end of what is typed is Ctrl-D")
}

func spdyDriver(t *testing.T, of *Driver) *Driver {
	t.Helper()
	d, _ := onCluster(t, of.cfg.Namespace, func(cfg *Config) { cfg.RESTConfig.Wrap(withoutExecSockets) })
	return d
}

// What breaks is hung up: nobody would ever type again.
func TestClusterTerminalIsHungUp(t *testing.T) {
	d, _ := onCluster(t, uniqueNamespace(), nil)
	s := startSandbox(t, d)
	ctx, cancel := context.WithCancel(t.Context())
	p := sitDown(ctx, t, s, "sh")
	p.types("echo be''gun; sleep 12345\r", "begun\r\n")
	cancel()
	require.ErrorIs(t, (<-p.result).err, context.Canceled)

	cut, _ := onCluster(t, d.cfg.Namespace, func(cfg *Config) {
		cfg.RESTConfig.Host = "https://" + startCutter(t, strings.TrimPrefix(cfg.RESTConfig.Host, "https://"), cutAfter{received: 1 << 20})
	})
	there, err := cut.GetSandbox(t.Context(), s.ID())
	require.NoError(t, err)
	p = sitDown(t.Context(), t, there, "sh", "-c", "yes; sleep 23456")
	require.Error(t, (<-p.result).err)
	eventually(t, "no process is left", func() bool {
		_, stdout, _ := inSandbox(t, s, "ps | grep -c -e '[s]leep [12]' -e '[y]es'", nil)
		return stdout == "0\n"
	})
}
