package driver

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	utilnet "k8s.io/apimachinery/pkg/util/net"
)

// retry repeats a write while its error is one that time may heal. client-go does so for reads only, and for writes
// only when the server says Retry-After (rest/with_retry.go); the driver's own writes are idempotent, so they can be
// repeated also when nobody knows whether they arrived: a creation is refused when the object exists (apply.go), a
// deletion names a UID (delete.go).
type retry struct {
	log     *slog.Logger
	longest time.Duration // how long the first attempt may take once it is sent
	budget  time.Duration // no attempt after the first begins or lasts longer than this after the first began
	first   time.Duration // pause after the first attempt; doubles up to last
	last    time.Duration
	now     func() time.Time
}

func newRetry(log *slog.Logger) retry {
	return retry{log: log, longest: time.Minute, budget: time.Minute, first: 100 * time.Millisecond, last: 5 * time.Second, now: time.Now}
}

// do calls attempt until it succeeds, fails for good, or the budget is used up; the last error is returned. When ctx ends,
// do returns at once. What an attempt returns must not depend on its context any more.
//
// Each attempt after the first gets what is left of the budget, so that an answer or an error is there when it is spent, also if the network
// swallows everything.
func (r retry) do(ctx context.Context, what string, attempt func(context.Context) error) error {
	ctx = quiet(ctx)
	begin := r.now()
	pause := r.first
	err := r.begin(ctx, attempt)
	for {
		if err == nil || ctx.Err() != nil || !isTransient(err) {
			return err
		}
		wait := max(jitter(pause), retryAfter(err))
		left := r.budget - r.now().Add(wait).Sub(begin)
		if left < 0 {
			return err
		}
		r.log.WarnContext(ctx, "the API server cannot be reached or is overloaded; trying again", "doing", what, "in", wait, "error", err)
		if sleep(ctx, wait) != nil {
			return errors.Join(ctx.Err(), err)
		}
		pause = min(2*pause, r.last)
		err = r.again(ctx, left, attempt, err)
	}
}

// begin is the first attempt. Its time runs from when it is sent, as it may wait long among the driver's own requests. HTTP/2 ends a request when
// it hears nothing for 45 s, but client-go sends a read ten times more then (rest/with_retry.go).
func (r retry) begin(ctx context.Context, attempt func(context.Context) error) error {
	bounded, cancel := context.WithCancel(ctx)
	defer cancel()
	timer := time.AfterFunc(math.MaxInt64, cancel)
	defer timer.Stop()
	err := attempt(whenSent(bounded, sync.OnceFunc(func() { timer.Reset(r.longest) })))
	if err != nil && bounded.Err() != nil && ctx.Err() == nil {
		return fmt.Errorf("no answer within %s: %w: %s", r.longest, context.DeadlineExceeded, err.Error())
	}
	return err
}

// again is an attempt after one that has failed, for as long as the budget lasts.
func (r retry) again(ctx context.Context, left time.Duration, attempt func(context.Context) error, before error) error {
	bounded, cancel := context.WithTimeout(ctx, left)
	defer cancel()
	err := attempt(bounded)
	if err != nil && bounded.Err() != nil && ctx.Err() == nil {
		return fmt.Errorf("no answer within %s: %w; before that: %w", r.budget, err, before)
	}
	return err
}

// sleep waits for d or for the end of ctx, whose error it returns.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// jitter spreads the attempts of many callers: between d and 1.5 d.
func jitter(d time.Duration) time.Duration { return d + rand.N(d/2+1) }

// retryAfter is the pause that the server asks for; 0 if it does not.
func retryAfter(err error) time.Duration {
	seconds, ok := apierrors.SuggestsClientDelay(err)
	if !ok {
		return 0
	}
	return time.Duration(seconds) * time.Second
}

// isTransient says whether the same request may succeed later.
func isTransient(err error) bool {
	var status apierrors.APIStatus
	if errors.As(err, &status) {
		return isTransientStatus(err, status)
	}
	return isBrokenConnection(err)
}

func isTransientStatus(err error, status apierrors.APIStatus) bool {
	switch code := status.Status().Code; {
	case apierrors.IsTooManyRequests(err), apierrors.IsTimeout(err), apierrors.IsServerTimeout(err):
		return true
	case code < 500:
		return false
	}
	return !isMergeError(err)
}

// isMergeError recognises an object that server-side apply can never merge, such as one with an env name twice. The
// server answers it with code 500, as if it were its own mistake (kubernetes/kubernetes#113482,
// apimachinery/pkg/util/managedfields/internal/structuredmerge.go).
func isMergeError(err error) bool {
	text := err.Error()
	return strings.Contains(text, "failed to create typed patch object") || strings.Contains(text, "failed to create typed live object") ||
		strings.Contains(text, "duplicate entries for key")
}

// isBrokenConnection recognises connections that could not be made or that broke. A certificate that does not fit, or a proxy that does not
// want to connect, is for good.
func isBrokenConnection(err error) bool {
	var certificate *tls.CertificateVerificationError
	var alert tls.AlertError
	if errors.As(err, &certificate) || errors.As(err, &alert) {
		return false
	}
	if proxy, ok := errors.AsType[*proxyError](err); ok {
		return !proxy.refused
	}
	var operation *net.OpError
	switch {
	case errors.As(err, &operation), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return true
	case utilnet.IsConnectionReset(err), utilnet.IsConnectionRefused(err), utilnet.IsProbableEOF(err), utilnet.IsTimeout(err):
		return true
	}
	// HTTP/2's own errors have no exported types in net/http: "http2: client connection lost", "server sent GOAWAY",
	// "stream error: ... received from peer".
	return strings.Contains(err.Error(), "http2: ") || strings.Contains(err.Error(), "stream error")
}
