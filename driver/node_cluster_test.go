package driver

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	"github.com/orchestra-ci/orchestra-k8s/internal/testcluster"
)

// deadNode is a node without a kubelet: nothing on it ever starts, and no deletion is confirmed. Its taint keeps other pods away.
const deadNode = `
spec:
  taints: [{key: lab, value: dead, effect: NoSchedule}]
status:
  allocatable: {cpu: "2", memory: 1Gi, pods: "10"}
  capacity: {cpu: "2", memory: 1Gi, pods: "10"}
  conditions: [{type: Ready, status: "True"}]
`

// tolerant is a pod that only the dead node takes, and that leaves it as soon as it is known to be dead.
const tolerant = `
  tolerations:
  - {key: lab, operator: Exists, effect: NoSchedule}
  - {key: node.kubernetes.io/not-ready, operator: Exists}
  - {key: node.kubernetes.io/unreachable, operator: Exists, effect: NoSchedule}
  - {key: node.kubernetes.io/unreachable, operator: Exists, effect: NoExecute, tolerationSeconds: 1}
`

// TestOutcomesOnADeadNode makes what only the control plane does to a pod: taints, preemption, and the end of a node.
func TestOutcomesOnADeadNode(t *testing.T) {
	l := newLab(t, testcluster.ReadInfo(t))
	node := l.addNode(t)
	expect := func(t *testing.T, s *subject, reason string, done bool) {
		t.Helper()
		s.Reason, s.Done = reason, done
		t.Log(l.observe(t, s).status.message)
	}

	refused := l.make(t, "taint-and-affinity", podSpec(t, "{nodeSelector: {lab: "+node+"}, containers: [{name: task}]}"))
	expect(t, refused, ReasonUnschedulable, false)

	low := l.make(t, "preempted", l.tolerant(t, node, "", `containers: [{name: task, resources: {requests: {cpu: "1500m"}}}]`))
	l.scheduled(t, low)
	l.make(t, "preemptor", l.tolerant(t, node, l.addPriority(t), `containers: [{name: task, resources: {requests: {cpu: "1500m"}}}]`))
	expect(t, low, ReasonStopping, false)
	seen, _ := l.watch.get(low.pod.UID)
	assert.Equal(t, ReasonPreempted, seen.cause)

	lost := l.make(t, "node-unreachable", l.tolerant(t, node, "", `containers: [{name: task}]`))
	l.scheduled(t, lost)
	expect(t, lost, ReasonStopping, false)
	seen, _ = l.watch.get(lost.pod.UID)
	assert.Equal(t, ReasonNodeLost, seen.cause)

	require.NoError(t, l.client.CoreV1().Nodes().Delete(t.Context(), node, metav1.DeleteOptions{}))
	lost.name = "node-gone"
	expect(t, lost, ReasonNodeLost, true)
	assert.Equal(t, exitNone, l.outcome(t, lost.pod).status.exitCode)
}

// TestOutcomesOfPreemption lets the scheduler give the place of two tasks that run to another pod. One of them ends with exit code 0 when it is
// told to, which is no success.
func TestOutcomesOfPreemption(t *testing.T) {
	l := newLab(t, testcluster.ReadInfo(t))
	place := l.addResource(t, "2")
	takes := func(n, more string) string {
		return `containers: [{name: task, ` + more + ` resources: {limits: {` + place + `: "` + n + `"}}}]`
	}
	var low []*subject
	for name, command := range map[string]string{"preempted-running": "sleep 3600", "preempted-exit-0": "trap 'exit 0' TERM; sleep 3600 & wait"} {
		s := l.make(t, name, podSpec(t, takes("1", `command: [sh, -c, "`+command+`"],`)))
		s.Reason, s.Done = ReasonPreempted, true
		l.running(t, s)
		low = append(low, s)
	}
	high := podSpec(t, takes("2", ""))
	high.Spec.PriorityClassName = l.addPriority(t)
	l.make(t, "preemptor", high)
	for _, s := range low {
		seen := l.observe(t, s)
		assert.NotZero(t, seen.status.exitCode, s.name)
		assert.Contains(t, seen.status.message, "preempting to accommodate a higher priority pod")
	}
}

// running waits until the pod's task runs.
func (l *lab) running(t *testing.T, s *subject) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), outcomeTimeout)
	defer cancel()
	seen, err := l.watch.wait(ctx, s.pod.UID, func(r record) bool { return r.stage == stageRunning })
	require.NoError(t, err, "%v", seen.status)
	require.False(t, seen.status.done, "%v", seen.status)
}

// addResource lets the cluster's node offer a resource that nobody else asks for, until the test ends
// (kubernetes.io/docs/tasks/administer-cluster/extended-resource-node).
func (l *lab) addResource(t *testing.T, amount string) (name string) {
	t.Helper()
	name = "lab.example.com/" + l.label
	nodes := l.client.CoreV1().Nodes()
	patch := func(ctx context.Context, value any) error {
		offered := map[string]any{name: value}
		body, err := json.Marshal(map[string]any{"status": map[string]any{"capacity": offered, "allocatable": offered}})
		if err != nil {
			return err
		}
		_, err = nodes.Patch(ctx, l.info.NodeName, types.MergePatchType, body, metav1.PatchOptions{}, "status")
		return err
	}
	t.Cleanup(func() { assert.NoError(t, patch(context.Background(), nil)) })
	require.NoError(t, patch(t.Context(), amount))
	return name
}

func (l *lab) tolerant(t *testing.T, node, priority, containers string) situation {
	return podSpec(t, "  nodeSelector: {lab: "+node+"}\n  priorityClassName: \""+priority+"\"\n  "+containers+tolerant)
}

// scheduled waits until the pod has a node.
func (l *lab) scheduled(t *testing.T, s *subject) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), outcomeTimeout)
	defer cancel()
	seen, err := l.watch.wait(ctx, s.pod.UID, func(r record) bool { return r.node != "" })
	require.NoError(t, err, "%v", seen.status)
	require.False(t, seen.status.done, "%v", seen.status)
}

// addNode adds the dead node, and keeps it until the test ends or deletes it.
func (l *lab) addNode(t *testing.T) string {
	var node corev1.Node
	require.NoError(t, yaml.UnmarshalStrict([]byte(deadNode), &node))
	node.Name, node.Labels = l.label, map[string]string{"lab": l.label}
	for i := range node.Status.Conditions {
		node.Status.Conditions[i].LastHeartbeatTime = metav1.Time{Time: time.Now()}
	}
	nodes := l.client.CoreV1().Nodes()
	t.Cleanup(func() { _ = nodes.Delete(context.Background(), node.Name, metav1.DeleteOptions{}) })
	_, err := nodes.Create(t.Context(), &node, metav1.CreateOptions{})
	require.NoError(t, err)
	return node.Name
}

// addPriority adds a class of priority that preempts the pods of the lab, and waits until pods may have it: the API server's admission knows
// a class only when its informer has brought it (kubernetes plugin/pkg/admission/priority).
func (l *lab) addPriority(t *testing.T) string {
	var class schedulingv1.PriorityClass
	require.NoError(t, yaml.UnmarshalStrict([]byte("value: 1000"), &class))
	class.Name = l.label
	classes := l.client.SchedulingV1().PriorityClasses()
	t.Cleanup(func() { _ = classes.Delete(context.Background(), class.Name, metav1.DeleteOptions{}) })
	_, err := classes.Create(t.Context(), &class, metav1.CreateOptions{})
	require.NoError(t, err)

	trial := corev1.Pod{Spec: podSpec(t, `containers: [{name: task, image: busybox}]`).Spec}
	trial.Name, trial.Spec.PriorityClassName = l.label, class.Name
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		_, err := l.client.CoreV1().Pods("default").Create(t.Context(), &trial, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		require.NoError(c, err)
	}, outcomeTimeout, 50*time.Millisecond)
	return class.Name
}
