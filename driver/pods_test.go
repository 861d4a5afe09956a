package driver

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// patience is how long a test waits for what comes in milliseconds on an idle machine.
const patience = time.Minute

// Pods of the life of one task, as short as the code under test allows.
const (
	pendingPod = `
metadata: {name: a, uid: uid-a, creationTimestamp: "2026-01-01T00:00:00Z"}
spec: {containers: [{name: task}]}
status: {phase: Pending}
`
	unschedulablePod = `
metadata: {name: a, uid: uid-a, creationTimestamp: "2026-01-01T00:00:00Z"}
spec: {containers: [{name: task}]}
status:
  phase: Pending
  conditions:
  - {type: PodScheduled, status: "False", reason: Unschedulable, message: "0/1 nodes are available: 1 Insufficient cpu."}
`
	startingPod = `
metadata: {name: a, uid: uid-a, creationTimestamp: "2026-01-01T00:00:00Z"}
spec: {nodeName: node, containers: [{name: task}]}
status:
  phase: Pending
  containerStatuses: [{name: task, state: {waiting: {reason: ContainerCreating}}}]
`
	pullingPod = `
metadata: {name: a, uid: uid-a, creationTimestamp: "2026-01-01T00:00:00Z"}
spec: {nodeName: node, containers: [{name: task}]}
status:
  phase: Pending
  containerStatuses: [{name: task, state: {waiting: {reason: ErrImagePull, message: "registry.example/x: not found"}}}]
`
	invalidImagePod = `
metadata: {name: a, uid: uid-a, creationTimestamp: "2026-01-01T00:00:00Z"}
spec: {nodeName: node, containers: [{name: task}]}
status:
  phase: Pending
  containerStatuses: [{name: task, state: {waiting: {reason: InvalidImageName, message: "couldn't parse image name"}}}]
`
	runningPod = `
metadata: {name: a, uid: uid-a, creationTimestamp: "2026-01-01T00:00:00Z"}
spec: {nodeName: node, containers: [{name: task}]}
status:
  phase: Running
  containerStatuses: [{name: task, imageID: x, state: {running: {startedAt: "2026-01-01T00:00:02Z"}}}]
`
	completedPod = `
metadata: {name: a, uid: uid-a, creationTimestamp: "2026-01-01T00:00:00Z"}
spec: {nodeName: node, containers: [{name: task}]}
status:
  phase: Succeeded
  containerStatuses:
  - {name: task, imageID: x, state: {terminated: {exitCode: 0, reason: Completed, startedAt: "2026-01-01T00:00:02Z", finishedAt: "2026-01-01T00:00:03Z"}}}
`
	failedPod = `
metadata: {name: a, uid: uid-a, creationTimestamp: "2026-01-01T00:00:00Z"}
spec: {nodeName: node, containers: [{name: task}]}
status:
  phase: Failed
  containerStatuses:
  - {name: task, imageID: x, state: {terminated: {exitCode: 7, reason: Error, startedAt: "2026-01-01T00:00:02Z", finishedAt: "2026-01-01T00:00:03Z"}}}
`
)

// readPod reads a pod from YAML; edits change it.
func readPod(t *testing.T, text string, edits ...func(*corev1.Pod)) corev1.Pod {
	t.Helper()
	var pod corev1.Pod
	require.NoError(t, yaml.UnmarshalStrict([]byte(text), &pod))
	for _, edit := range edits {
		edit(&pod)
	}
	return pod
}

// readRecord is the record of a pod.
func readRecord(t *testing.T, text string, edits ...func(*corev1.Pod)) record {
	t.Helper()
	pod := readPod(t, text, edits...)
	return recordOf(&pod)
}

// at gives the pod a resource version.
func at(version string) func(*corev1.Pod) {
	return func(pod *corev1.Pod) { pod.ResourceVersion = version }
}

// annotated gives the pod an annotation.
func annotated(key, value string) func(*corev1.Pod) {
	return func(pod *corev1.Pod) { pod.Annotations = map[string]string{key: value} }
}
