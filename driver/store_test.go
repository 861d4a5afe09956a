package driver

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

func newTestStore() (*podStore, *fakeClock) {
	clock := newFakeClock()
	return newPodStore(clock.now), clock
}

func TestStoreIgnoresWhatIsOlder(t *testing.T) {
	s, _ := newTestStore()
	s.put(readRecord(t, runningPod, at("1000")))
	s.put(readRecord(t, pendingPod, at("999")))
	seen, _ := s.get(taskA)
	assert.Equal(t, ReasonRunning, seen.status.reason)
}

func TestStoreKeepsTheFirstEnd(t *testing.T) {
	s, _ := newTestStore()
	s.put(readRecord(t, failedPod, at("1")))
	s.put(readRecord(t, completedPod, at("2")))
	seen, _ := s.get(taskA)
	assert.Equal(t, ReasonError, seen.status.reason)
	assert.Equal(t, 7, seen.status.exitCode)
}

func TestVanishedPodIsNoSuccess(t *testing.T) {
	for name, test := range map[string]struct {
		last   string
		reason string
		code   int
	}{
		"pending":   {pendingPod, ReasonDeleted, 125},
		"running":   {runningPod, ReasonDeleted, 125},
		"failed":    {failedPod, ReasonError, 7},
		"completed": {completedPod, ReasonCompleted, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := newTestStore()
			s.hold(taskA)
			s.put(readRecord(t, test.last, at("5")))
			s.remove(readRecord(t, test.last, at("6")))
			seen, known := s.get(taskA)
			require.True(t, known, "who has a handle of it may ask")
			assert.True(t, seen.gone)
			assert.True(t, seen.status.done)
			assert.Equal(t, test.reason, seen.status.reason)
			assert.Equal(t, test.code, seen.status.exitCode)
			assert.True(t, s.isGone(taskA))
		})
	}
}

func TestVanishedPodKeepsTheCause(t *testing.T) {
	s, _ := newTestStore()
	evicted := func(pod *corev1.Pod) {
		pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue, Reason: "EvictionByEvictionAPI", Message: "drain"}}
	}
	s.put(readRecord(t, runningPod, at("5"), evicted))
	s.prune(map[types.UID]bool{}, "9")
	_, known := s.get(taskA)
	require.False(t, known, "nobody has a handle of it")
	s.hold(taskA)
	s.put(readRecord(t, runningPod, at("5"), evicted))
	s.prune(map[types.UID]bool{}, "9")
	seen, _ := s.get(taskA)
	assert.Equal(t, ReasonEvicted, seen.status.reason)
	assert.Equal(t, 125, seen.status.exitCode)
}

func TestPruneSparesWhatIsNewerThanTheList(t *testing.T) {
	s, _ := newTestStore()
	s.hold(taskA)
	s.put(readRecord(t, runningPod, at("1000")))
	s.prune(map[types.UID]bool{}, "999")
	seen, known := s.get(taskA)
	require.True(t, known)
	assert.False(t, seen.gone)
	s.prune(map[types.UID]bool{}, "1000")
	seen, _ = s.get(taskA)
	assert.True(t, seen.gone)
	s.put(readRecord(t, runningPod, at("1001")))
	seen, _ = s.get(taskA)
	assert.True(t, seen.gone, "a UID does not come back")
}

func TestStoreDropsWhatNobodyHasAHandleOf(t *testing.T) {
	s, _ := newTestStore()
	s.put(readRecord(t, runningPod, at("5")))
	s.remove(readRecord(t, runningPod, at("6")))
	assert.Empty(t, s.workloads)

	s.hold(taskA)
	s.put(readRecord(t, runningPod, at("5")))
	s.forget(taskA)
	assert.Empty(t, s.workloads)
	_, known := s.get(taskA)
	assert.False(t, known)
	assert.Empty(t, s.workloads, "asking keeps nothing")
}

func TestWhoWaitsSeesTheLastRecordOfWhatIsForgotten(t *testing.T) {
	s, _ := newTestStore()
	s.hold(taskA)
	s.put(readRecord(t, runningPod, at("5")))
	waited := s.find(taskA)
	_, last, changed := s.look(waited)
	require.False(t, last)
	s.remove(readRecord(t, runningPod, at("6")))
	s.forget(taskA)
	<-changed
	seen, last, _ := s.look(waited)
	assert.True(t, last)
	assert.Equal(t, ReasonDeleted, seen.status.reason)
	assert.Nil(t, s.find(taskA))
}

func TestSinceMovesWithProgressOnly(t *testing.T) {
	s, clock := newTestStore()
	began := clock.now()
	s.put(readRecord(t, startingPod, at("1")))
	clock.advance(time.Minute)
	troubled := clock.now()
	s.put(readRecord(t, pullingPod, at("2")))
	clock.advance(time.Minute)
	s.put(readRecord(t, pullingPod, at("3"), func(pod *corev1.Pod) { pod.Status.ContainerStatuses[0].State.Waiting.Reason = "ImagePullBackOff" }))
	seen, _ := s.get(taskA)
	assert.Equal(t, began, seen.since, "a failing pull is no progress")
	assert.Equal(t, troubled, seen.troubled, "trying again is the same trouble")

	s.put(readRecord(t, runningPod, at("4")))
	seen, _ = s.get(taskA)
	assert.Equal(t, clock.now(), seen.since)
	assert.Zero(t, seen.troubled)
}

func TestNoteStaysUntilThereIsProgress(t *testing.T) {
	s, clock := newTestStore()
	s.put(readRecord(t, startingPod, at("1")))
	seen, _ := s.get(taskA)
	s.note(seen, underWay(ReasonVolumeUnavailable, "FailedMount: no such claim"))
	s.put(readRecord(t, startingPod, at("2")))
	seen, _ = s.get(taskA)
	assert.Equal(t, ReasonVolumeUnavailable, seen.status.reason)
	assert.Equal(t, clock.now(), seen.troubled)
	s.put(readRecord(t, pullingPod, at("3")))
	seen, _ = s.get(taskA)
	assert.Equal(t, ReasonImageNotFound, seen.status.reason, "the object itself says it better")
	s.put(readRecord(t, runningPod, at("4")))
	seen, _ = s.get(taskA)
	assert.Equal(t, ReasonRunning, seen.status.reason)
}

func TestUnreadableVersionsAreTakenAsTheyCome(t *testing.T) {
	assert.True(t, newer("10", "9"))
	assert.False(t, newer("9", "10"))
	assert.False(t, newer("9", "9"))
	assert.False(t, newer("x", "9"))
	assert.False(t, newer("9", ""))
}
