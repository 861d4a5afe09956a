package driver

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"
)

const (
	newJob      = `metadata: {name: j, uid: uid-j, resourceVersion: "1"}`
	completeJob = `
metadata: {name: j, uid: uid-j, resourceVersion: "50"}
status: {succeeded: 1, conditions: [{type: Complete, status: "True", reason: CompletionsReached, message: Reached expected number of succeeded pods}]}
`
	failedJob = `
metadata: {name: j, uid: uid-j, resourceVersion: "50"}
status: {failed: 1, conditions: [{type: Failed, status: "True", reason: BackoffLimitExceeded, message: Job has reached the specified backoff limit}]}
`
	lateJob = `
metadata: {name: j, uid: uid-j, resourceVersion: "50"}
status: {failed: 1, conditions: [{type: Failed, status: "True", reason: DeadlineExceeded, message: Job was active longer than specified deadline}]}
`
	markedJob = `metadata: {name: j, uid: uid-j, resourceVersion: "50", annotations: {orchestra.failed: "QuotaExceeded: no room"}}`

	jobTask = types.UID("uid-j")
)

func readJob(t *testing.T, text string) jobRecord {
	t.Helper()
	var job batchv1.Job
	require.NoError(t, yaml.UnmarshalStrict([]byte(text), &job))
	return jobRecordOf(&job)
}

// ofJob makes the pod one of the Job's, with a name of its own.
func ofJob(name, created string) func(*corev1.Pod) {
	return func(pod *corev1.Pod) {
		controller := true
		pod.Name, pod.UID = name, types.UID(name)
		pod.OwnerReferences = []metav1.OwnerReference{{Kind: "Job", Name: "j", UID: jobTask, Controller: &controller}}
		if err := pod.CreationTimestamp.UnmarshalQueryParameter(created); err != nil {
			panic(err)
		}
	}
}

func TestStatusOfJob(t *testing.T) {
	for name, test := range map[string]struct {
		job    string
		pod    string // "": none
		reason string
		done   bool
		code   int
	}{
		"no pod yet":                       {newJob, "", ReasonScheduling, false, -1},
		"pod runs":                         {newJob, runningPod, ReasonRunning, false, -1},
		"pod completed":                    {newJob, completedPod, ReasonCompleted, true, 0},
		"pod failed, Job may retry":        {newJob, failedPod, ReasonJobRetrying, false, -1},
		"pod failed, Job gave up":          {failedJob, failedPod, ReasonError, true, 7},
		"Job gave up before its pod ended": {failedJob, "", ReasonUnknown, true, 125},
		"Job complete, pod gone":           {completeJob, "", ReasonUnknown, true, 125},
		"Job complete":                     {completeJob, completedPod, ReasonCompleted, true, 0},
		"Job's deadline":                   {lateJob, runningPod, ReasonDeadlineExceeded, true, 125},
		"marked":                           {markedJob, completedPod, ReasonQuotaExceeded, true, 125},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := newTestStore()
			s.putJob(readJob(t, test.job))
			if test.pod != "" {
				s.put(readRecord(t, test.pod, at("10"), ofJob("j-1", "2026-01-01T00:00:00Z")))
			}
			seen, known := s.get(jobTask)
			require.True(t, known)
			assert.Equal(t, test.reason, seen.status.reason, seen.status.message)
			assert.Equal(t, test.done, seen.status.done)
			assert.Equal(t, test.code, seen.status.exitCode)
			assert.Equal(t, kindJob, seen.kind)
			assert.Equal(t, "j", seen.name)
		})
	}
}

func TestNewestPodOfAJobCounts(t *testing.T) {
	s, _ := newTestStore()
	s.putJob(readJob(t, newJob))
	s.put(readRecord(t, runningPod, at("20"), ofJob("j-2", "2026-01-01T00:01:00Z")))
	s.put(readRecord(t, failedPod, at("10"), ofJob("j-1", "2026-01-01T00:00:00Z")))
	seen, _ := s.get(jobTask)
	assert.Equal(t, "j-2", seen.pod)
	assert.Equal(t, ReasonRunning, seen.status.reason)
}

func TestJobThatVanishes(t *testing.T) {
	s, _ := newTestStore()
	s.putJob(readJob(t, newJob))
	s.put(readRecord(t, runningPod, at("10"), ofJob("j-1", "2026-01-01T00:00:00Z")))
	s.hold(jobTask)
	s.pruneJobs(map[types.UID]bool{}, "60")
	assert.False(t, s.isGone(jobTask), "its pod is left")
	seen, _ := s.get(jobTask)
	assert.Equal(t, ReasonRunning, seen.status.reason)
	s.prune(map[types.UID]bool{}, "60")
	assert.True(t, s.isGone(jobTask))
	seen, _ = s.get(jobTask)
	assert.Equal(t, ReasonDeleted, seen.status.reason)
	assert.Equal(t, 125, seen.status.exitCode)
}
