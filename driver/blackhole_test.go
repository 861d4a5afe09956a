package driver

import (
	"context"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchestra-ci/orchestra-k8s/internal/faultproxy"
	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

// silence is an API server that can stop to answer, for ever and without a word.
type silence struct {
	*apiServer
	proxy  *faultproxy.Proxy
	silent atomic.Bool
}

func newSilence(t *testing.T) *silence {
	s := &silence{apiServer: newAPIServer(t)}
	s.proxy = faultproxy.Start(t, s.config(), func(*http.Request) faultproxy.Fault {
		if s.silent.Load() {
			return faultproxy.BlackHole(0)
		}
		return faultproxy.Pass
	})
	return s
}

func (s *silence) open(t *testing.T) *Driver {
	d, _ := openDriver(t, s.apiServer, "ns", func(cfg *Config) { cfg.RESTConfig = s.proxy.Config() })
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
	"Cleanup":          func(ctx context.Context, _ *Driver, c *container, _ orchestra.Volume) error { return c.Cleanup(ctx) },
	"Cleanup a volume": func(ctx context.Context, _ *Driver, _ *container, v orchestra.Volume) error { return v.Cleanup(ctx) },
}

// When a context ends, every call returns within a second, although nobody answers.
func TestEveryCallEndsWithItsContextInABlackHole(t *testing.T) {
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			s := newSilence(t)
			d := s.open(t)
			c := run(t, d, task("one"))
			v, err := d.CreateVolume(t.Context(), "data", 0)
			require.NoError(t, err)
			s.silent.Store(true)
			assertEndsWithItsContext(t, func(ctx context.Context) error { return call(ctx, d, c, v) })
		})
	}
	t.Run("New", func(t *testing.T) {
		s := newSilence(t)
		s.silent.Store(true)
		assertEndsWithItsContext(t, func(ctx context.Context) error {
			_, err := New(ctx, Config{Namespace: "ns", RESTConfig: s.proxy.Config()}, nil)
			return err
		})
	})
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
