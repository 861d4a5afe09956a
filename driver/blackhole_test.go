package driver

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"net/http"
	"runtime/pprof"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"k8s.io/client-go/rest"

	"github.com/orchestra-ci/orchestra-k8s/internal/faultproxy"
	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

// silence is an API server that can stop to answer, for ever and without a word, or whose forward proxy can.
type silence struct {
	*apiServer
	proxy   *faultproxy.Proxy
	forward *faultproxy.Proxy // nil: none
	how     faultproxy.Fault
	silent  atomic.Bool
}

func newSilence(t *testing.T) *silence {
	s := &silence{apiServer: newAPIServer(t), how: faultproxy.BlackHole(0)}
	s.proxy = faultproxy.Start(t, s.apiServer.config(), s.plan)
	return s
}

// newProxySilence is one whose forward proxy takes every CONNECT and never answers.
func newProxySilence(t *testing.T) *silence { return newForwardSilence(t, faultproxy.BlackHole(0)) }

// newTunnelSilence is one whose forward proxy connects, and hands nothing on.
func newTunnelSilence(t *testing.T) *silence {
	return newForwardSilence(t, faultproxy.SwallowUpload(0))
}

func newForwardSilence(t *testing.T, how faultproxy.Fault) *silence {
	s := &silence{apiServer: newAPIServer(t), how: how}
	s.proxy = faultproxy.Start(t, s.apiServer.config(), func(*http.Request) faultproxy.Fault { return faultproxy.Pass })
	s.forward = faultproxy.StartForward(t, s.plan)
	return s
}

var silences = map[string]func(*testing.T) *silence{"API server": newSilence, "proxy": newProxySilence, "tunnel": newTunnelSilence}

func (s *silence) plan(*http.Request) faultproxy.Fault {
	if s.silent.Load() {
		return s.how
	}
	return faultproxy.Pass
}

func (s *silence) config() *rest.Config {
	config := s.proxy.Config()
	if s.forward != nil {
		config.Proxy = s.forward.Choose
	}
	return config
}

// begin begins the silence.
func (s *silence) begin() {
	s.silent.Store(true)
	if s.forward != nil {
		s.forward.Reset() // the next request needs a new tunnel
	}
}

func (s *silence) open(t *testing.T) *Driver {
	d, _ := openDriver(t, s.apiServer, "ns", func(cfg *Config) { cfg.RESTConfig = s.config() })
	t.Cleanup(func() { // what a cancelled call has made is removed in the background
		s.silent.Store(false)
		d.disconnect()
		d.shut()
	})
	return d
}

// call is one call of the public API.
type call func(ctx context.Context, d *Driver, c *container, v orchestra.Volume) error

var calls = map[string]call{
	"RunContainer": func(ctx context.Context, d *Driver, _ *container, _ orchestra.Volume) error {
		_, err := d.RunContainer(ctx, task("two"))
		return err
	},
	"RunContainer with a volume": func(ctx context.Context, d *Driver, _ *container, _ orchestra.Volume) error {
		mounting := task("three")
		mounting.Mounts = orchestra.Mounts{{Name: "more", Path: "more"}}
		_, err := d.RunContainer(ctx, mounting)
		return err
	},
	"GetContainer": func(ctx context.Context, d *Driver, c *container, _ orchestra.Volume) error {
		_, err := d.GetContainer(ctx, c.ID())
		return err
	},
	"FindTask": func(ctx context.Context, d *Driver, _ *container, _ orchestra.Volume) error {
		_, err := d.FindTask(ctx, "one")
		return err
	},
	"LiveWorkload": func(ctx context.Context, d *Driver, _ *container, _ orchestra.Volume) error {
		_, err := d.LiveWorkload(ctx, "one")
		return err
	},
	"InspectTask": func(ctx context.Context, d *Driver, _ *container, _ orchestra.Volume) error {
		_, err := d.InspectTask(ctx, "one")
		return err
	},
	"TaskEvents": func(ctx context.Context, d *Driver, c *container, _ orchestra.Volume) error {
		_, err := d.TaskEvents(ctx, TaskInfo{Kind: kindPod, Pod: c.ID()})
		return err
	},
	"WatchTasks": func(ctx context.Context, d *Driver, _ *container, _ orchestra.Volume) error {
		return cmp.Or(d.WatchTasks(ctx, func([]TaskInfo) {}), ctx.Err()) // it is meant to end so
	},
	"FindSandbox": func(ctx context.Context, d *Driver, _ *container, _ orchestra.Volume) error {
		_, err := d.FindSandbox(ctx, "one")
		return err
	},
	"CreateVolume": func(ctx context.Context, d *Driver, _ *container, _ orchestra.Volume) error {
		_, err := d.CreateVolume(ctx, "more", 0)
		return err
	},
	"Sweep": func(ctx context.Context, d *Driver, _ *container, _ orchestra.Volume) error {
		_, err := d.Sweep(ctx, time.Hour)
		return err
	},
	"Status": func(ctx context.Context, _ *Driver, c *container, _ orchestra.Volume) error {
		_, err := c.Status(ctx)
		return err
	},
	"Wait": func(ctx context.Context, _ *Driver, c *container, _ orchestra.Volume) error {
		_, err := c.Wait(ctx)
		return err
	},
	"Logs": func(ctx context.Context, _ *Driver, c *container, _ orchestra.Volume) error {
		return c.Logs(ctx, io.Discard, io.Discard, false)
	},
	"Logs, following": func(ctx context.Context, _ *Driver, c *container, _ orchestra.Volume) error {
		return c.Logs(ctx, io.Discard, io.Discard, true)
	},
	"SplitsLogs": func(ctx context.Context, _ *Driver, c *container, _ orchestra.Volume) error {
		_, err := c.SplitsLogs(ctx)
		return err
	},
	"Tasks": func(ctx context.Context, d *Driver, _ *container, _ orchestra.Volume) error {
		_, err := d.Tasks(ctx)
		return err
	},
	"Volumes": func(ctx context.Context, d *Driver, _ *container, _ orchestra.Volume) error {
		_, err := d.Volumes(ctx)
		return err
	},
	"DryRun": func(ctx context.Context, d *Driver, _ *container, _ orchestra.Volume) error {
		return d.DryRun(ctx, task("two"))
	},
	"StartSandbox": func(ctx context.Context, d *Driver, _ *container, _ orchestra.Volume) error {
		_, err := d.StartSandbox(ctx, task("two"))
		return err
	},
	"GetSandbox": func(ctx context.Context, d *Driver, c *container, _ orchestra.Volume) error {
		_, err := d.GetSandbox(ctx, c.ID())
		return err
	},
	"CopyToVolume": func(ctx context.Context, d *Driver, _ *container, v orchestra.Volume) error {
		return d.CopyToVolume(ctx, v.Name(), strings.NewReader(""))
	},
	"CopyFromVolume": func(ctx context.Context, d *Driver, _ *container, v orchestra.Volume) error {
		_, err := d.CopyFromVolume(ctx, v.Name())
		return err
	},
	"ReadFilesFromVolume": func(ctx context.Context, d *Driver, _ *container, v orchestra.Volume) error {
		_, err := d.ReadFilesFromVolume(ctx, v.Name(), "file")
		return err
	},
	"Cleanup":          func(ctx context.Context, _ *Driver, c *container, _ orchestra.Volume) error { return c.Cleanup(ctx) },
	"Cleanup a volume": func(ctx context.Context, _ *Driver, _ *container, v orchestra.Volume) error { return v.Cleanup(ctx) },
}

// When a context ends, every call returns within a second, although nobody answers.
func TestEveryCallEndsWithItsContextInABlackHole(t *testing.T) {
	for who, newSilence := range silences {
		for name, call := range calls {
			t.Run(who+"/"+name, func(t *testing.T) {
				t.Parallel()
				s := newSilence(t)
				d := s.open(t)
				c := run(t, d, task("one"))
				v, err := d.CreateVolume(t.Context(), "data", 0)
				require.NoError(t, err)
				s.begin()
				assertEndsWithItsContext(t, func(ctx context.Context) error { return call(ctx, d, c, v) })
			})
		}
		t.Run(who+"/New", func(t *testing.T) {
			t.Parallel()
			s := newSilence(t)
			s.begin()
			assertEndsWithItsContext(t, func(ctx context.Context) error {
				_, err := New(ctx, Config{Namespace: "ns", RESTConfig: s.config()}, nil)
				return err
			})
		})
	}
}

// assertEndsWithItsContext tries several times: a busy machine may hold up one of them.
func assertEndsWithItsContext(t *testing.T, call func(context.Context) error) {
	t.Helper()
	quickest := time.Hour
	for range 3 {
		ctx, cancel := context.WithCancel(t.Context())
		var ended time.Time
		timer := time.AfterFunc(300*time.Millisecond, func() {
			ended = time.Now()
			cancel()
		})
		err := call(ctx)
		require.False(t, timer.Stop(), "it did not wait: %v", err)
		took := time.Since(ended)
		require.ErrorIs(t, err, context.Canceled)
		quickest = min(quickest, took)
	}
	assert.Less(t, quickest, time.Second)
}

// client-go's own handshakes would wait for ever: that over SPDY for the API server, and both for a proxy.
func TestExecEndsWithItsContextInABlackHole(t *testing.T) {
	for who, newSilence := range silences {
		for protocol, wrap := range protocols {
			t.Run(who+"/"+protocol, func(t *testing.T) {
				s := newSilence(t)
				d, _ := openDriver(t, s.apiServer, "ns", func(cfg *Config) {
					cfg.RESTConfig = s.config()
					cfg.RESTConfig.Wrap(wrap)
				})
				c := run(t, d, task("one"))
				s.start(podPath(c))
				require.NoError(t, c.awaitRunning(bounded(t)))
				s.begin()
				assertEndsWithItsContext(t, func(ctx context.Context) error {
					_, err := (&sandbox{c}).Exec(ctx, []string{"true"}, nil, "", nil, nil, nil)
					return err
				})
			})
		}
	}
}

// Close has no context: its own deadlines end it. Nothing that waits for an answer outlives it.
func TestCloseEndsInABlackHole(t *testing.T) {
	before := goleak.IgnoreCurrent()
	for who, newSilence := range silences {
		t.Run(who, func(t *testing.T) {
			s := newSilence(t)
			d, _ := openDriver(t, s.apiServer, "ns", func(cfg *Config) {
				cfg.RESTConfig = s.config()
				cfg.DeletionTimeout = 500 * time.Millisecond
				cfg.Values = map[string]any{"terminationGracePeriodSeconds": 0}
			})
			c := run(t, d, task("one"))
			s.begin()
			began := time.Now()
			err := d.Close()
			require.ErrorContains(t, err, "listing Job")
			eventually(t, "nothing is dialed any more", func() bool { return !strings.Contains(stacks(), "driver.(*connections)") })
			assert.Less(t, time.Since(began), 25*time.Second, "HTTP/2 alone would take 45 s, and a proxy may take 30 s")
			s.silent.Store(false)
			assert.Equal(t, []string{podPath(c)}, s.paths())
			require.NoError(t, d.Close())
			assert.Empty(t, s.paths())
		})
	}
	goleak.VerifyNone(t, before)
}

// stacks shows what every goroutine does.
func stacks() string {
	var text bytes.Buffer
	_ = pprof.Lookup("goroutine").WriteTo(&text, 2)
	return text.String()
}
