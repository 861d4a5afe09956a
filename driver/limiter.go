package driver

import (
	"context"
	"net/http"
	"path"

	"k8s.io/client-go/transport"
)

// limiter caps the requests that are under way at the same time. A request counts until its answer begins.
//
// Watches, logs, attach and exec live as long as a task does; they never hold a slot, or tasks could starve the driver.
type limiter struct {
	next  http.RoundTripper
	slots chan struct{}
}

// newLimiter returns a wrapper whose round trippers share one set of slots, whichever client they serve.
func newLimiter(maxRequests int) transport.WrapperFunc {
	slots := make(chan struct{}, maxRequests)
	return func(next http.RoundTripper) http.RoundTripper { return &limiter{next: next, slots: slots} }
}

func (l *limiter) RoundTrip(req *http.Request) (*http.Response, error) {
	if isStream(req) {
		return l.next.RoundTrip(req)
	}
	select {
	case l.slots <- struct{}{}:
		defer func() { <-l.slots }()
		sent(req.Context())
		return l.next.RoundTrip(req)
	case <-req.Context().Done():
		return nil, req.Context().Err()
	}
}

// WrappedRoundTripper lets client-go find the transport below, to close its connections.
func (l *limiter) WrappedRoundTripper() http.RoundTripper { return l.next }

// isStream tells the requests whose answer does not end by itself.
func isStream(req *http.Request) bool {
	switch path.Base(req.URL.Path) {
	case "log", "attach", "exec":
		return true
	}
	return req.URL.Query().Get("watch") != ""
}

type sentKey struct{}

// whenSent lets do be called when a request of ctx has waited for its slot.
func whenSent(ctx context.Context, do func()) context.Context {
	return context.WithValue(ctx, sentKey{}, do)
}

func sent(ctx context.Context) {
	if do, ok := ctx.Value(sentKey{}).(func()); ok {
		do()
	}
}
