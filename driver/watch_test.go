package driver

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

const (
	watchPods = "WATCH /api/v1/namespaces/ns/pods"
	listPods  = "GET /api/v1/namespaces/ns/pods"
	taskA     = types.UID("uid-a")
)

func newTestWatch(t *testing.T, api *fakeAPI) *podWatch {
	w := newPodWatch(api.client(), "ns", "orchestra.namespace=x", slog.New(slog.DiscardHandler))
	t.Cleanup(w.close)
	return w
}

func startedWatch(t *testing.T, api *fakeAPI) *podWatch {
	w := newTestWatch(t, api)
	require.NoError(t, w.start(testContext(t)))
	return w
}

func testContext(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// reaches waits until the task has that reason.
func reaches(t *testing.T, w *podWatch, reason string) record {
	t.Helper()
	seen, err := w.wait(testContext(t), taskA, func(r record) bool { return r.status.reason == reason })
	require.NoError(t, err)
	require.Equal(t, reason, seen.status.reason, seen.status.message)
	return seen
}

func TestWatchListsThenFollows(t *testing.T) {
	api := newFakeAPI(t)
	api.set(readPod(t, pendingPod))
	w := startedWatch(t, api)

	seen, known := w.get(taskA)
	require.True(t, known, "start returns when the list is in")
	assert.Equal(t, ReasonScheduling, seen.status.reason)
	api.set(readPod(t, runningPod))
	reaches(t, w, ReasonRunning)
	api.set(readPod(t, completedPod))
	assert.True(t, reaches(t, w, ReasonCompleted).status.done)
	assert.Equal(t, 1, api.seen(watchPods), "one watch")
	assert.Equal(t, 1, api.seen(listPods), "one list")
}

func TestWatchResumesAfterACut(t *testing.T) {
	api := newFakeAPI(t)
	api.set(readPod(t, pendingPod))
	w := startedWatch(t, api)
	api.cut()
	api.set(readPod(t, runningPod))
	reaches(t, w, ReasonRunning)
	api.cut()
	api.set(readPod(t, failedPod))
	reaches(t, w, ReasonError)
	assert.Equal(t, 1, api.seen(listPods), "the watch goes on from where it was, without a list")
}

func TestWatchListsAnewAfter410(t *testing.T) {
	for name, breakOff := range map[string]func(*fakeAPI){
		"in the stream": func(api *fakeAPI) { api.fail(http.StatusGone, metav1.StatusReasonExpired) },
		"as the answer": func(api *fakeAPI) { api.compact(); api.cut() },
	} {
		t.Run(name, func(t *testing.T) {
			api := newFakeAPI(t)
			api.set(readPod(t, pendingPod))
			w := startedWatch(t, api)
			reaches(t, w, ReasonScheduling)
			api.set(readPod(t, completedPod))
			breakOff(api)
			reaches(t, w, ReasonCompleted)
		})
	}
}

func TestWatchSeesADeletionThatHappenedWhileItWasCutOff(t *testing.T) {
	api := newFakeAPI(t)
	api.set(readPod(t, runningPod))
	w := startedWatch(t, api)
	w.store.hold(taskA)
	reaches(t, w, ReasonRunning)
	api.answer(http.StatusInternalServerError)
	api.cut()
	api.remove("a")
	api.compact()
	api.answer(0)
	seen := reaches(t, w, ReasonDeleted)
	assert.Equal(t, 125, seen.status.exitCode)
	require.NoError(t, w.waitGone(testContext(t), taskA))
}

func TestWatchSaysWhenItIsCutOff(t *testing.T) {
	api := newFakeAPI(t)
	api.set(readPod(t, runningPod))
	w := newTestWatch(t, api)
	clock := newFakeClock()
	w.link.now = clock.now
	require.NoError(t, w.start(testContext(t)))
	require.NoError(t, w.link.stale())

	api.answer(http.StatusInternalServerError)
	api.cut()
	linkChanges(t, w.link, func() bool { return w.link.last() != nil })
	require.NoError(t, w.link.stale(), "a short cut is not worth an error")
	clock.advance(staleAfter)
	require.ErrorContains(t, w.link.stale(), "not connected for 30s")

	api.answer(0)
	linkChanges(t, w.link, func() bool { return w.link.last() == nil })
	require.NoError(t, w.link.stale())
}

// A load balancer without a server behind it accepts connections and closes them.
func TestWatchThatIsClosedAtOnceIsCutOff(t *testing.T) {
	api := newFakeAPI(t)
	api.set(readPod(t, runningPod))
	w := startedWatch(t, api)
	reaches(t, w, ReasonRunning)
	api.slamWatches(true)
	api.cut()
	linkChanges(t, w.link, func() bool { return w.link.last() != nil })
	require.ErrorIs(t, w.link.last(), errShortWatch)
	api.slamWatches(false)
	linkChanges(t, w.link, func() bool { return w.link.last() == nil })
	api.set(readPod(t, completedPod))
	reaches(t, w, ReasonCompleted)
}

func TestWatchReportsARefusal(t *testing.T) {
	api := newFakeAPI(t)
	api.answer(http.StatusForbidden)
	w := newTestWatch(t, api)
	err := w.start(testContext(t))
	require.ErrorContains(t, err, `listing pods in namespace "ns"`)

	w.store.hold(taskA)
	_, err = w.wait(testContext(t), taskA, func(record) bool { return true })
	require.ErrorContains(t, err, "the fake server says 403")
}

func TestStartGoesOnTryingUntilItsContextEnds(t *testing.T) {
	api := newFakeAPI(t)
	api.answer(http.StatusInternalServerError)
	w := newTestWatch(t, api)
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() { result <- w.start(ctx) }()
	linkChanges(t, w.link, func() bool { return w.link.last() != nil })
	cancel()
	err := <-result
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, err, "the fake server says 500")

	api.answer(0)
	require.NoError(t, w.start(testContext(t)), "a later start profits from the watch that went on trying")
}

func TestSeedIsReadAtOnce(t *testing.T) {
	api := newFakeAPI(t)
	api.holdLists() // a server that lags behind: its lists do not have the pod yet
	pod := api.set(readPod(t, pendingPod))
	w := newTestWatch(t, api)
	w.seed(pod)
	require.NoError(t, w.start(testContext(t)))
	seen, known := w.get(taskA)
	require.True(t, known)
	assert.Equal(t, ReasonScheduling, seen.status.reason, "an older list does not say that it was deleted")

	api.set(readPod(t, completedPod))
	reaches(t, w, ReasonCompleted)
}

func TestBookmarksMoveTheWatchOn(t *testing.T) {
	api := newFakeAPI(t)
	api.set(readPod(t, runningPod))
	w := startedWatch(t, api)
	reaches(t, w, ReasonRunning)
	api.bookmark()
	// The last event before the cut has a later version than the bookmark, so that both have arrived when it is seen.
	api.set(readPod(t, runningPod, annotated(AnnotationStdin, stdinDelivered)))
	_, err := w.wait(testContext(t), taskA, func(r record) bool { return r.stdin != "" })
	require.NoError(t, err)
	api.bookmark()
	api.compact()
	api.set(readPod(t, completedPod))
	reaches(t, w, ReasonCompleted)
	assert.Equal(t, 1, api.seen(listPods))
}

func TestWaitEndsWithItsContext(t *testing.T) {
	api := newFakeAPI(t)
	api.set(readPod(t, runningPod))
	w := startedWatch(t, api)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := w.wait(ctx, taskA, func(record) bool { return false })
	require.ErrorIs(t, err, context.Canceled)
}

func TestCloseEndsEveryWaiter(t *testing.T) {
	api := newFakeAPI(t)
	api.set(readPod(t, runningPod))
	w := startedWatch(t, api)
	var waiters sync.WaitGroup
	for range 20 {
		waiters.Go(func() {
			_, err := w.wait(t.Context(), taskA, func(record) bool { return false })
			assert.ErrorIs(t, err, ErrClosed)
		})
	}
	w.close()
	waiters.Wait()
	w.close()
	require.ErrorIs(t, w.start(t.Context()), ErrClosed)
}

func TestConcurrentStartsAreOneWatch(t *testing.T) {
	api := newFakeAPI(t)
	w := newTestWatch(t, api)
	var starts sync.WaitGroup
	for range 20 {
		starts.Go(func() { assert.NoError(t, w.start(testContext(t))) })
	}
	starts.Wait()
	assert.Equal(t, 1, api.seen(listPods))
}

// linkChanges waits until the link is as wanted.
func linkChanges(t *testing.T, l *link, wanted func() bool) {
	t.Helper()
	deadline := time.After(patience)
	for {
		news, _ := l.forbidden()
		if wanted() {
			return
		}
		select {
		case <-news:
		case <-deadline:
			require.Fail(t, "the link did not change")
		}
	}
}

// fakeClock is a clock that a test moves.
type fakeClock struct {
	mu sync.Mutex
	at time.Time
}

func newFakeClock() *fakeClock { return &fakeClock{at: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)} }

func (c *fakeClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *fakeClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}
