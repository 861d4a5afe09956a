package driver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/orchestra-ci/orchestra-k8s/internal/testcluster"
	"github.com/orchestra-ci/orchestra-k8s/orchestra"
	"github.com/orchestra-ci/orchestra-k8s/render"
)

// rotatingTask prints more than a node keeps in one file of a log: 10 MiB, unless its kubelet is told otherwise. The node looks at the file
// every ten seconds. Then the task waits for a word, prints a last line, and waits for another word.
type rotatingTask struct {
	d     *Driver
	c     orchestra.Container
	want  string
	words *io.PipeWriter
}

const lastLine = "last\n"

// startRotating runs a task that prints so many lines of 1,000 bytes.
func startRotating(t *testing.T, d *Driver, lines int) *rotatingTask {
	t.Helper()
	testcluster.ReadInfo(t) // others may keep more
	stdin, words := io.Pipe()
	t.Cleanup(func() { _ = words.Close() })
	script := fmt.Sprintf(`awk 'BEGIN { for (i = 1; i <= %d; i++) printf "%%999d\n", i }'; read word; echo last; read word`, lines)
	var want strings.Builder
	for i := range lines {
		fmt.Fprintf(&want, "%999d\n", i+1)
	}
	return &rotatingTask{d: d, c: runWithStdin(t, d, stdin, script), want: want.String() + lastLine, words: words}
}

func (r *rotatingTask) say(t *testing.T) {
	t.Helper()
	_, err := io.WriteString(r.words, "word\n")
	require.NoError(t, err)
}

// head is the first line of what the node keeps of the log, read without the driver's own means.
func (r *rotatingTask) head(t *testing.T) (text string, known bool) {
	limit := int64(1000)
	options := &corev1.PodLogOptions{Container: render.TaskContainer, LimitBytes: &limit}
	raw, err := r.d.typed.CoreV1().Pods(r.d.namespace).GetLogs(r.c.ID(), options).DoRaw(t.Context())
	return string(raw), err == nil
}

func (r *rotatingTask) awaitBegin(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool {
		head, known := r.head(t)
		return known && head == r.want[:1000]
	}, clusterTimeout, 100*time.Millisecond)
}

// awaitRotation waits until the node has taken the first line away, which was there.
func (r *rotatingTask) awaitRotation(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool {
		head, known := r.head(t)
		return known && head != r.want[:1000]
	}, clusterTimeout, 100*time.Millisecond)
}

// follow follows the log until the task has ended.
func (r *rotatingTask) follow(t *testing.T, out io.Writer) <-chan error {
	ctx, cancel := context.WithTimeout(t.Context(), clusterTimeout)
	done := make(chan error, 1)
	go func() {
		defer cancel()
		done <- r.c.Logs(ctx, out, out, true)
	}()
	return done
}

// assertNoSilentLoss holds a log that was read to its end to what is promised: all of it, or what is left of it, once and in order, with a gap that both
// the error and the task's outcome tell of.
func (r *rotatingTask) assertNoSilentLoss(t *testing.T, got string, err error) {
	t.Helper()
	if err == nil {
		require.True(t, r.want == got, "got %d bytes of %d, equal up to %d", len(got), len(r.want), common(r.want, got))
		return
	}
	gap, ok := errors.AsType[*LogGapError](err)
	require.True(t, ok, "%v", err)
	before := 0
	for line := range strings.Lines(strings.TrimSuffix(got, lastLine)) {
		require.Len(t, line, 1000)
		number, err := strconv.Atoi(strings.TrimSpace(line))
		require.NoError(t, err)
		require.Greater(t, number, before)
		before = number
	}
	assert.True(t, strings.HasSuffix(got, lastLine))
	end, err := r.c.Status(t.Context())
	require.NoError(t, err)
	assert.Contains(t, end.(status).Message(), "Lines of its log may be missing "+gap.places())
	assert.Equal(t, ReasonCompleted, end.(status).Reason())
}

func TestClusterRotatedLogThatIsFollowed(t *testing.T) {
	t.Parallel()
	d, _ := onCluster(t, uniqueNamespace(), nil)
	r, out := startRotating(t, d, 12_000), &logBuffer{}
	done := r.follow(t, out)
	r.awaitBegin(t)
	r.awaitRotation(t)
	r.say(t)
	r.say(t)
	err := <-done
	t.Logf("the log is read: %v", err)
	r.assertNoSilentLoss(t, out.String(), err)
}

// A follower of the kubelet that is behind when the file is rotated waits for more of the old file for ever. This one is, unless the file was
// rotated before more than the connections hold was in it.
func TestClusterRotatedLogOfASlowReader(t *testing.T) {
	t.Parallel()
	d, _ := onCluster(t, uniqueNamespace(), nil)
	r, out := startRotating(t, d, 40_000), &logBuffer{}
	gate := make(chan struct{})
	done := r.follow(t, writerFunc(func(p []byte) (int, error) {
		<-gate
		return out.Write(p)
	}))
	r.awaitBegin(t)
	r.awaitRotation(t)
	r.say(t)
	close(gate)
	require.Eventually(t, func() bool { return strings.HasSuffix(out.String(), lastLine) }, clusterTimeout, 100*time.Millisecond,
		"the task still runs, and what it prints arrives")
	r.say(t)
	err := <-done
	t.Logf("the log is read: %v", err)
	r.assertNoSilentLoss(t, out.String(), err)
}

func TestClusterRotatedLogWhileTheConnectionIsBroken(t *testing.T) {
	t.Parallel()
	outage := &logOutage{after: 100_000}
	d, _ := onCluster(t, uniqueNamespace(), func(cfg *Config) { cfg.RESTConfig.Wrap(outage.wrap) })
	r, out := startRotating(t, d, 12_000), &logBuffer{}
	done := r.follow(t, out)
	direct, _ := onCluster(t, d.cfg.Namespace, nil)
	watched := &rotatingTask{d: direct, c: r.c, want: r.want}
	watched.awaitBegin(t)
	watched.awaitRotation(t)
	r.say(t)
	outage.over.Store(true)
	r.say(t)
	err := <-done
	gap, ok := errors.AsType[*LogGapError](err)
	require.True(t, ok, "%v", err)
	require.Len(t, gap.Gaps, 1)
	assert.True(t, gap.Gaps[0].After.Before(gap.Gaps[0].Before), "%s", gap)
	assert.True(t, strings.HasPrefix(out.String(), r.want[:50_000]))
	r.assertNoSilentLoss(t, out.String(), err)
}

func TestClusterRotatedLogThatIsReadAgain(t *testing.T) {
	t.Parallel()
	d, _ := onCluster(t, uniqueNamespace(), nil)
	r := startRotating(t, d, 12_000)
	var out string
	require.Eventually(t, func() bool {
		out, _ = readLogs(t, r.c, false)
		return out != ""
	}, clusterTimeout, 100*time.Millisecond)
	require.True(t, strings.HasPrefix(r.want, out), "got %d bytes", len(out))
	r.awaitRotation(t)
	r.say(t)
	r.say(t)
	end, err := r.c.(orchestra.Waiter).Wait(t.Context())
	require.NoError(t, err)
	assert.Zero(t, end.ExitCode())
	for _, follow := range []bool{false, true} {
		var rest logBuffer
		err := r.c.Logs(t.Context(), &rest, &rest, follow)
		gap, ok := errors.AsType[*LogGapError](err)
		require.True(t, ok, "%v", err)
		require.Len(t, gap.Gaps, 1)
		r.assertNoSilentLoss(t, rest.String(), err)
	}
}

// logOutage breaks the first log after some bytes, and then lets no log through until it is over.
type logOutage struct {
	after int64
	cuts  atomic.Int64
	over  atomic.Bool
}

func (o *logOutage) wrap(next http.RoundTripper) http.RoundTripper { return brokenLogs{next, o} }

type brokenLogs struct {
	next   http.RoundTripper
	outage *logOutage
}

func (b brokenLogs) RoundTrip(req *http.Request) (*http.Response, error) {
	if path.Base(req.URL.Path) != "log" || b.outage.over.Load() {
		return b.next.RoundTrip(req)
	}
	if b.outage.cuts.Load() > 0 {
		return nil, errCut
	}
	answer, err := b.next.RoundTrip(req)
	if err == nil {
		answer.Body = &cutBody{ReadCloser: answer.Body, left: b.outage.after, end: errCut, cuts: &b.outage.cuts}
	}
	return answer, err
}

// WrappedRoundTripper lets client-go close the connections below.
func (b brokenLogs) WrappedRoundTripper() http.RoundTripper { return b.next }

// writerFunc is a function as an io.Writer.
type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
