package driver

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/orchestra-ci/orchestra-k8s/render"
)

var testDeadlines = deadlines{
	scheduling: 10 * time.Minute, start: 5 * time.Minute, grace: time.Minute, lost: 2 * time.Minute, unsettled: time.Minute,
}

func deleting(pod *corev1.Pod) {
	pod.DeletionTimestamp = &metav1.Time{Time: time.Date(2026, 1, 1, 0, 1, 0, 0, time.UTC)}
}

func sending(pod *corev1.Pod) { pod.Annotations = map[string]string{AnnotationStdin: stdinSending} }

func registryDown(pod *corev1.Pod) {
	pod.Status.ContainerStatuses[0].State.Waiting.Message = "dial tcp: connection refused"
}

func TestVerdict(t *testing.T) {
	for name, test := range map[string]struct {
		pod    string
		edit   func(*corev1.Pod)
		last   time.Duration // the longest time without a verdict
		reason string        // "": never
	}{
		"invalid image name":      {pod: invalidImagePod, last: -1, reason: ReasonImageNameInvalid},
		"not found":               {pod: pullingPod, last: testDeadlines.grace - 1, reason: ReasonImageNotFound},
		"registry down":           {pod: pullingPod, edit: registryDown, last: testDeadlines.start - 1, reason: ReasonRegistryUnavailable},
		"starting":                {pod: startingPod, last: testDeadlines.start - 1, reason: ReasonStartFailed},
		"no node, nothing known":  {pod: pendingPod, last: testDeadlines.scheduling - 1, reason: ReasonUnschedulable},
		"no node":                 {pod: unschedulablePod, last: testDeadlines.scheduling - 1, reason: ReasonInsufficientResources},
		"running":                 {pod: runningPod, last: 1000 * time.Hour},
		"completed":               {pod: completedPod, last: 1000 * time.Hour},
		"failed":                  {pod: failedPod, last: 1000 * time.Hour},
		"deletion not confirmed":  {pod: runningPod, edit: deleting, last: testDeadlines.lost - 1, reason: ReasonNodeLost},
		"stdin never settled":     {pod: completedPod, edit: sending, last: testDeadlines.unsettled - 1, reason: ReasonStdinIncomplete},
		"stdin of a failed task":  {pod: failedPod, edit: sending, last: 1000 * time.Hour},
		"already marked as ended": {pod: pullingPod, edit: annotated(AnnotationFailed, "ImageNotFound: x"), last: 1000 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			s, clock := newTestStore()
			if test.edit == nil {
				test.edit = func(*corev1.Pod) {}
			}
			s.put(readRecord(t, test.pod, test.edit))
			seen, _ := s.get(taskA)
			if test.last >= 0 {
				_, failed := testDeadlines.verdict(seen, clock.now().Add(test.last))
				assert.False(t, failed, "too early")
			}
			end, failed := testDeadlines.verdict(seen, clock.now().Add(test.last+1))
			assert.Equal(t, test.reason != "", failed)
			if test.reason != "" {
				assert.Equal(t, test.reason, end.reason)
				assert.True(t, end.done)
				assert.Equal(t, 125, end.exitCode)
			}
		})
	}
}

func TestZeroMeansNoDeadline(t *testing.T) {
	s, clock := newTestStore()
	for _, pod := range []string{pendingPod, startingPod, pullingPod} {
		s.forget(taskA)
		s.put(readRecord(t, pod))
		seen, _ := s.get(taskA)
		_, failed := deadlinesOf(render.Settings{}).verdict(seen, clock.now().Add(1000*time.Hour))
		assert.False(t, failed)
	}
}

func TestDeadlinesOfSettings(t *testing.T) {
	limits := deadlinesOf(render.Settings{
		GracePeriod: time.Second, SchedulingDeadline: time.Hour, StartDeadline: time.Minute / 2, ProblemDeadline: time.Minute, NodeLostDeadline: time.Hour,
	})
	assert.Equal(t, time.Hour, limits.scheduling)
	assert.Equal(t, time.Minute/2, limits.start)
	assert.Equal(t, time.Minute/2, limits.grace, "a problem is not waited for longer than no problem")
	assert.Equal(t, time.Hour+time.Second, limits.lost)

	templates, err := LoadTemplates(Config{Namespace: "ns"})
	require.NoError(t, err)
	defaults := deadlinesOf(templates.Settings())
	assert.Equal(t, time.Minute, defaults.grace)
	assert.Equal(t, 2*time.Minute+10*time.Second, defaults.lost)
	assert.Equal(t, 5*time.Minute, defaults.start)
	assert.Equal(t, 10*time.Minute, defaults.scheduling)
}

func TestNeedsExplanation(t *testing.T) {
	began := newFakeClock().now()
	silent := record{stage: stageStarting, since: began}
	assert.False(t, needsExplanation(silent, began.Add(firstExplanation-1)))
	assert.True(t, needsExplanation(silent, began.Add(firstExplanation)))

	silent.asked = began.Add(time.Minute)
	assert.False(t, needsExplanation(silent, began.Add(2*time.Minute-1)), "the pauses grow")
	assert.True(t, needsExplanation(silent, began.Add(2*time.Minute)))

	silent.noted, silent.status = true, underWay(ReasonVolumeUnavailable, "x")
	assert.True(t, needsExplanation(silent, began.Add(2*time.Minute)), "an explanation may become another one")
	silent.noted = false
	assert.False(t, needsExplanation(silent, began.Add(time.Hour)), "the object itself says it")
	assert.False(t, needsExplanation(record{stage: stageRunning}, began.Add(time.Hour)))
}
