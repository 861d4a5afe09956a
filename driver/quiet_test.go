package driver

import (
	"context"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/klog/v2"
)

// breakOff breaks the connection behind the headers of the answer.
func breakOff(next http.RoundTripper, req *http.Request) (*http.Response, error) {
	res, err := next.RoundTrip(req)
	if err == nil {
		err = res.Body.Close()
		res.Body = io.NopCloser(iotest.ErrReader(io.ErrUnexpectedEOF))
	}
	return res, err
}

// Every answer breaks off. What the driver says of it is in its errors and its own log, and nothing on the stderr of the process.
func TestClientGoLogsNothing(t *testing.T) {
	said := &logBuffer{}
	klog.SetSlogLogger(newTextLogger(said))
	t.Cleanup(klog.ClearLogger)
	var broken atomic.Bool
	spoil := withFaults(func(*http.Request) fault {
		if broken.Load() {
			return breakOff
		}
		return nil
	})
	s := newAPIServer(t)
	cfg := Config{Namespace: "ns", RESTConfig: s.config()}
	spoil(&cfg)
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			broken.Store(false)
			d, _ := openDriver(t, s, uniqueNamespace(), func(cfg *Config) {
				spoil(cfg)
				cfg.DeletionTimeout = time.Second
			})
			d.retry.budget = 50 * time.Millisecond
			c := run(t, d, task("one"))
			v, err := d.CreateVolume(t.Context(), "data", 0)
			require.NoError(t, err)
			broken.Store(true)
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			require.Error(t, call(ctx, d, c, v))
			require.Error(t, d.Close())
			_, err = New(ctx, cfg, nil)
			require.Error(t, err)
			assert.Empty(t, said.String())
		})
	}
	client, err := kubernetes.NewForConfig(cfg.RESTConfig)
	require.NoError(t, err)
	_, err = client.CoreV1().Pods("default").Get(t.Context(), "x", metav1.GetOptions{})
	require.Error(t, err)
	assert.NotEmpty(t, said.String(), "client-go's own words are heard here")
}
