package driver

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

var pods = schema.GroupResource{Resource: "pods"}

func TestIsTransient(t *testing.T) {
	broken := func(err error) error { return &url.Error{Op: "Patch", URL: "https://127.0.0.1", Err: err} }
	for name, c := range map[string]struct {
		err  error
		want bool
	}{
		"connection refused": {broken(&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}), true},
		"connection reset":   {broken(&net.OpError{Op: "read", Err: syscall.ECONNRESET}), true},
		"end of file":        {broken(io.EOF), true},
		"answer cut":         {broken(io.ErrUnexpectedEOF), true},
		"HTTP/2 lost":        {broken(errors.New("http2: client connection lost")), true},
		"HTTP/2 stream":      {broken(errors.New("stream error: stream ID 3; INTERNAL_ERROR; received from peer")), true},
		"no such host":       {broken(&net.OpError{Op: "dial", Err: &net.DNSError{IsNotFound: true}}), true},
		"too many requests":  {apierrors.NewTooManyRequests("slow down", 1), true},
		"server timeout":     {apierrors.NewServerTimeout(pods, "patch", 1), true},
		"request timeout":    {apierrors.NewTimeoutError("too slow", 1), true},
		"unavailable":        {apierrors.NewServiceUnavailable("starting"), true},
		"internal":           {apierrors.NewInternalError(errors.New("etcdserver: leader changed")), true},
		"bad gateway":        {apierrors.NewGenericServerResponse(http.StatusBadGateway, "patch", pods, "x", "<html>", 0, true), true},

		"certificate":  {broken(&tls.CertificateVerificationError{Err: errors.New("expired")}), false},
		"other":        {broken(errors.New("unsupported protocol scheme")), false},
		"not found":    {apierrors.NewNotFound(pods, "x"), false},
		"conflict":     {apierrors.NewConflict(pods, "x", errors.New("modified")), false},
		"forbidden":    {apierrors.NewForbidden(pods, "x", errors.New("exceeded quota")), false},
		"unauthorized": {apierrors.NewUnauthorized("no"), false},
		"invalid":      {apierrors.NewInvalid(schema.GroupKind{Kind: "Pod"}, "x", nil), false},
		"duplicate env": {apierrors.NewInternalError(errors.New("failed to create typed patch object (default/x; /v1, Kind=Pod): " +
			`.spec.containers[name="task"].env: duplicate entries for key [name="A"]`)), false},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, c.want, isTransient(c.err)) })
	}
}

// instantRetry never really waits: its clock is what moves.
func instantRetry(budget time.Duration) retry {
	now := time.Unix(0, 0)
	return retry{log: slog.New(slog.DiscardHandler), budget: budget, first: 1, last: 1, now: func() time.Time {
		now = now.Add(time.Second)
		return now
	}}
}

func TestRetryRepeatsUntilSuccess(t *testing.T) {
	attempts := 0
	err := instantRetry(time.Hour).do(t.Context(), "x", func(context.Context) error {
		if attempts++; attempts < 5 {
			return io.ErrUnexpectedEOF
		}
		return nil
	})
	require.NoError(t, err)
	assert.Equal(t, 5, attempts)
}

func TestRetryGivesUpWhenItsBudgetIsSpent(t *testing.T) {
	attempts := 0
	err := instantRetry(10*time.Second).do(t.Context(), "x", func(context.Context) error { attempts++; return io.EOF })
	require.ErrorIs(t, err, io.EOF)
	assert.Equal(t, 10, attempts)
}

// In a black hole the first attempt ends by itself, and the next one gets what is left.
func TestRetryEndsAnAttemptWithItsBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := retry{log: slog.New(slog.DiscardHandler), budget: time.Minute, first: time.Second, last: time.Second, now: time.Now}
		began := time.Now()
		err := r.do(t.Context(), "x", func(ctx context.Context) error {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(45 * time.Second):
				return io.ErrUnexpectedEOF
			}
		})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, err, io.ErrUnexpectedEOF, "what came before says more")
		require.ErrorContains(t, err, "no answer within 1m0s")
		assert.True(t, isTransient(err), "nobody knows whether it arrived")
		assert.Equal(t, time.Minute, time.Since(began))
	})
}

// client-go sends a read again, as often as ten times, when HTTP/2 has heard nothing for 45 s.
func TestRetryEndsAReadInABlackHole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := limitedClient(t, func(req *http.Request) (*http.Response, error) {
			return nil, cmp.Or(sleep(req.Context(), 45*time.Second), errors.New("http2: client connection lost"))
		})
		began := time.Now()
		err := newRetry(slog.New(slog.DiscardHandler)).do(t.Context(), "x", func(ctx context.Context) error {
			_, err := client.CoreV1().Pods("default").Get(ctx, "x", metav1.GetOptions{})
			return err
		})
		require.ErrorContains(t, err, "no answer within 1m0s")
		require.ErrorContains(t, err, "http2: client connection lost")
		require.NotErrorIs(t, err, context.Canceled, "the caller's has not ended")
		assert.True(t, isTransient(err), "nobody knows whether it arrived")
		assert.Equal(t, time.Minute, time.Since(began))
	})
}

// Waiting among the driver's own requests is no silence of the server.
func TestRetryDoesNotCountTheWaitForASlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := limitedClient(t, func(req *http.Request) (*http.Response, error) {
			if err := sleep(req.Context(), 50*time.Second); err != nil {
				return nil, err
			}
			return answerWith(http.StatusOK, nil, `{"kind": "Pod", "apiVersion": "v1"}`)(nil, req)
		})
		results := make(chan error)
		for range 10 {
			go func() {
				results <- newRetry(slog.New(slog.DiscardHandler)).do(t.Context(), "x", func(ctx context.Context) error {
					_, err := client.CoreV1().Pods("default").Get(ctx, "x", metav1.GetOptions{})
					return err
				})
			}()
		}
		for range 10 {
			require.NoError(t, <-results)
		}
	})
}

// limitedClient is a client of a server, with one slot.
func limitedClient(t *testing.T, server tripFunc) kubernetes.Interface {
	t.Helper()
	config := &rest.Config{Host: "http://cluster.invalid", Transport: server, QPS: -1}
	config.Wrap(newLimiter(1))
	client, err := kubernetes.NewForConfig(config)
	require.NoError(t, err)
	return client
}

func TestRetryDoesNotRepeatWhatIsForGood(t *testing.T) {
	attempts := 0
	err := instantRetry(time.Hour).do(t.Context(), "x", func(context.Context) error { attempts++; return apierrors.NewNotFound(pods, "x") })
	require.True(t, apierrors.IsNotFound(err))
	assert.Equal(t, 1, attempts)
}

func TestRetryEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // its clock moves on only while the retry waits
		ctx, cancel := context.WithCancel(t.Context())
		r := retry{log: slog.New(slog.DiscardHandler), budget: 24 * time.Hour, first: time.Hour, last: time.Hour, now: time.Now}
		began := time.Now()
		err := r.do(ctx, "x", func(context.Context) error {
			time.AfterFunc(time.Millisecond, cancel)
			return io.EOF
		})
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, err, io.EOF, "the reason of the wait is worth telling")
		assert.Equal(t, time.Millisecond, time.Since(began))
	})
}

func TestRetryWaitsAsLongAsTheServerAsks(t *testing.T) {
	assert.Equal(t, 7*time.Second, retryAfter(apierrors.NewTooManyRequests("slow down", 7)))
	assert.Zero(t, retryAfter(io.EOF))
	synctest.Test(t, func(t *testing.T) {
		r := retry{log: slog.New(slog.DiscardHandler), budget: time.Minute, first: time.Millisecond, last: time.Millisecond, now: time.Now}
		began, attempts := time.Now(), 0
		err := r.do(t.Context(), "x", func(context.Context) error {
			if attempts++; attempts == 1 {
				return apierrors.NewTooManyRequests("slow down", 7)
			}
			return nil
		})
		require.NoError(t, err)
		assert.Equal(t, 7*time.Second, time.Since(began))
	})
}

func TestWritesSurviveFaults(t *testing.T) {
	busy := answerWith(http.StatusTooManyRequests, http.Header{"Retry-After": {"0"}}, `{"kind":"Status","code":429,"reason":"TooManyRequests"}`)
	for name, broken := range map[string]fault{
		"answer lost":         loseAnswer,
		"reset before":        func(http.RoundTripper, *http.Request) (*http.Response, error) { return nil, syscall.ECONNRESET },
		"too many requests":   busy,
		"internal error":      answerWith(http.StatusInternalServerError, nil, `{"kind":"Status","code":500,"reason":"InternalError"}`),
		"unavailable, no API": answerWith(http.StatusServiceUnavailable, nil, "<html>"),
	} {
		for _, verb := range []string{http.MethodPatch, http.MethodDelete} {
			t.Run(verb+" "+name, func(t *testing.T) {
				s := newAPIServer(t)
				d, _ := openDriver(t, s, "ns", withFaults(once(broken, method(verb))))
				c := run(t, d, task("one"))
				assert.Equal(t, []string{podPath(c)}, s.paths())
				require.NoError(t, c.Cleanup(bounded(t)))
				assert.Empty(t, s.paths())
			})
		}
	}
}
