package driver

import (
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// overdueWatch is a watch, not started, in which the pod has waited for an hour. Nothing but the enforcer enforces its deadlines.
func overdueWatch(t *testing.T, api *fakeAPI, pod string) (*podWatch, *fakeClock) {
	clock := newFakeClock()
	w := newPodWatch(api.client(), "ns", "", slog.New(slog.DiscardHandler))
	w.store.now, w.limits = clock.now, testDeadlines
	w.seed(api.set(readPod(t, pod)))
	clock.advance(testDeadlines.scheduling)
	t.Cleanup(w.close)
	return w, clock
}

func TestFailedStartIsWrittenOnThePod(t *testing.T) {
	api := newFakeAPI(t)
	w, _ := overdueWatch(t, api, pullingPod)
	newEnforcer(w).once(testContext(t))

	pod := api.pods["a"]
	require.NotNil(t, pod, "it stays to be looked at")
	require.NotNil(t, pod.Spec.ActiveDeadlineSeconds)
	assert.EqualValues(t, 1, *pod.Spec.ActiveDeadlineSeconds, "the kubelet ends it")
	seen := statusOf(pod)
	assert.Equal(t, ReasonImageNotFound, seen.reason)
	assert.Contains(t, seen.message, "The problem deadline of 1m0s has passed. ErrImagePull: registry.example/x: not found.")
	assert.Equal(t, 125, seen.exitCode)

	mine, _ := w.get(taskA)
	assert.Equal(t, seen, mine.status, "known here without waiting for the watch")
	writes := api.seen("PATCH")
	newEnforcer(w).once(testContext(t))
	assert.Equal(t, writes, api.seen("PATCH"), "once")
}

func TestFailedSchedulingDeletesThePod(t *testing.T) {
	api := newFakeAPI(t)
	w, _ := overdueWatch(t, api, unschedulablePod)
	newEnforcer(w).once(testContext(t))
	assert.Empty(t, api.pods, "it must not run later")
	seen, _ := w.get(taskA)
	assert.Equal(t, ReasonInsufficientResources, seen.status.reason)
	assert.True(t, seen.status.done)
}

func TestPodThatHasMovedOnIsNotEnded(t *testing.T) {
	api := newFakeAPI(t)
	w, _ := overdueWatch(t, api, pullingPod)
	api.set(readPod(t, runningPod)) // the watch does not know yet
	newEnforcer(w).once(testContext(t))
	assert.Empty(t, api.pods["a"].Annotations)
	seen, _ := w.get(taskA)
	assert.False(t, seen.status.done)
}

func TestMarkedPodNeverBecomesASuccess(t *testing.T) {
	api := newFakeAPI(t)
	w, _ := overdueWatch(t, api, pullingPod)
	newEnforcer(w).once(testContext(t))
	marked := annotated(AnnotationFailed, api.pods["a"].Annotations[AnnotationFailed])
	w.seed(api.set(readPod(t, completedPod, marked)))
	seen, _ := w.get(taskA)
	assert.Equal(t, ReasonImageNotFound, seen.status.reason)

	later := newPodStore(newFakeClock().now) // another process
	later.put(readRecord(t, completedPod, marked))
	seen, _ = later.get(taskA)
	assert.Equal(t, ReasonImageNotFound, seen.status.reason)
	assert.Equal(t, 125, seen.status.exitCode)
}

func TestNothingIsEndedWhileTheWatchIsCutOff(t *testing.T) {
	api := newFakeAPI(t)
	w, _ := overdueWatch(t, api, pullingPod)
	w.link.down(assert.AnError)
	newEnforcer(w).once(testContext(t))
	assert.Zero(t, api.seen("PATCH"))
	w.link.up()
	newEnforcer(w).once(testContext(t))
	assert.Equal(t, 1, api.seen("PATCH"))
}

func TestRefusedVerdictIsTriedAgain(t *testing.T) {
	api := newFakeAPI(t)
	w, clock := overdueWatch(t, api, pullingPod)
	e := newEnforcer(w)
	api.answer(http.StatusForbidden)
	e.once(testContext(t))
	seen, _ := w.get(taskA)
	assert.False(t, seen.status.done, "not ended before the cluster knows")
	api.answer(0)
	e.once(testContext(t))
	seen, _ = w.get(taskA)
	assert.False(t, seen.status.done, "not at every look")
	clock.advance(enforceAgain)
	e.once(testContext(t))
	seen, _ = w.get(taskA)
	assert.True(t, seen.status.done)
}

func TestSilentPodIsExplainedByEvents(t *testing.T) {
	api := newFakeAPI(t)
	w, clock := overdueWatch(t, api, startingPod)
	w.limits = deadlines{}
	newEnforcer(w).once(testContext(t))
	seen, _ := w.get(taskA)
	assert.Equal(t, ReasonConfigurationMissing, seen.status.reason)
	assert.Contains(t, seen.status.message, `secret "absent" not found`)
	assert.False(t, seen.status.done)
	newEnforcer(w).once(testContext(t))
	assert.Equal(t, 1, api.seen("GET /api/v1/namespaces/ns/events"), "not asked at every look")

	w.limits = testDeadlines
	clock.advance(testDeadlines.grace)
	newEnforcer(w).once(testContext(t))
	seen, _ = w.get(taskA)
	assert.True(t, seen.status.done)
	assert.Contains(t, seen.status.message, `secret "absent" not found`)
}

// A deadline may be shorter than the silence after which events are asked for, and still has a reason.
func TestShortDeadlineAsksForTheReasonFirst(t *testing.T) {
	api := newFakeAPI(t)
	clock := newFakeClock()
	w := newPodWatch(api.client(), "ns", "", slog.New(slog.DiscardHandler))
	t.Cleanup(w.close)
	w.store.now, w.limits = clock.now, deadlines{start: time.Second, grace: time.Second}
	w.seed(api.set(readPod(t, startingPod)))
	for range 3 {
		clock.advance(time.Second)
		newEnforcer(w).once(testContext(t))
	}
	seen, _ := w.get(taskA)
	assert.True(t, seen.status.done)
	assert.Equal(t, ReasonConfigurationMissing, seen.status.reason)
	assert.Contains(t, seen.status.message, `secret "absent" not found`)
}

// A pod that waits for a node is marked, then deleted. Whatever comes in between, it is deleted in the end, or it could run yet.
func TestMarkedPodWithoutANodeIsDeleted(t *testing.T) {
	t.Run("the deletion is refused once", func(t *testing.T) {
		api := newFakeAPI(t)
		w, clock := overdueWatch(t, api, unschedulablePod)
		config := &rest.Config{Host: api.server.URL, QPS: -1}
		unavailable := once(answerWith(http.StatusServiceUnavailable, nil, "<html>"), method(http.MethodDelete))
		config.Wrap(func(next http.RoundTripper) http.RoundTripper { return &faults{next: next, spoil: unavailable} })
		var err error
		w.client, err = kubernetes.NewForConfig(config)
		require.NoError(t, err)
		e := newEnforcer(w)
		e.once(testContext(t))
		require.NotEmpty(t, api.pods)
		clock.advance(enforceAgain)
		e.once(testContext(t))
		assert.Empty(t, api.pods)
		seen, _ := w.get(taskA)
		assert.Equal(t, ReasonInsufficientResources, seen.status.reason)
	})
	t.Run("its driver died", func(t *testing.T) {
		api := newFakeAPI(t)
		w, _ := overdueWatch(t, api, unschedulablePod)
		w.seed(api.set(readPod(t, unschedulablePod, annotated(AnnotationFailed, "AffinityMismatch: x"))))
		newEnforcer(w).once(testContext(t))
		assert.Empty(t, api.pods)
		seen, _ := w.get(taskA)
		assert.Equal(t, ReasonAffinityMismatch, seen.status.reason)
		assert.True(t, seen.status.done)
	})
}
