package driver

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// tripFunc is a transport made of a function.
type tripFunc func(*http.Request) (*http.Response, error)

func (f tripFunc) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func request(ctx context.Context, t *testing.T, url string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	require.NoError(t, err)
	return req
}

func TestLimiterCapsRequestsAndLetsStreamsPass(t *testing.T) {
	var underWay atomic.Int32
	arrived, proceed := make(chan struct{}, 20), make(chan struct{})
	limited := newLimiter(2)(tripFunc(func(*http.Request) (*http.Response, error) {
		underWay.Add(1)
		arrived <- struct{}{}
		<-proceed
		underWay.Add(-1)
		return &http.Response{Body: http.NoBody}, nil
	}))
	done := make(chan error, 20)
	begin := func(ctx context.Context, url string) {
		req := request(ctx, t, url)
		go func() {
			_, err := limited.RoundTrip(req)
			done <- err
		}()
	}
	begin(t.Context(), "http://127.0.0.1/api/v1/namespaces/x/pods")
	begin(t.Context(), "http://127.0.0.1/api/v1/namespaces/x/pods/y")
	<-arrived
	<-arrived
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	begin(ended, "http://127.0.0.1/api/v1/namespaces/x/pods")
	require.ErrorIs(t, <-done, context.Canceled, "there was no slot for a third")

	streams := []string{"pods?watch=true", "pods/y/log?follow=true", "pods/y/attach", "pods/y/exec"}
	for _, stream := range streams {
		begin(t.Context(), "http://127.0.0.1/api/v1/namespaces/x/"+stream)
		<-arrived
	}
	assert.EqualValues(t, 2+len(streams), underWay.Load())
	close(proceed)
	for range 2 + len(streams) {
		require.NoError(t, <-done)
	}
}

func TestWarningsAreLoggedOnce(t *testing.T) {
	log := &logBuffer{}
	w := newWarnings(newTextLogger(log))
	for range 3 {
		w.HandleWarningHeaderWithContext(t.Context(), 299, "-", "policy/v1beta1 is deprecated")
	}
	w.HandleWarningHeaderWithContext(t.Context(), 110, "-", "a proxy says that this is stale")
	assert.Equal(t, 1, countLines(log.String()))
	assert.Contains(t, log.String(), "deprecated")
}
