package driver

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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

// addPriority adds a class of priority that preempts the pods of the lab.
func (l *lab) addPriority(t *testing.T) string {
	var class schedulingv1.PriorityClass
	require.NoError(t, yaml.UnmarshalStrict([]byte("value: 1000"), &class))
	class.Name = l.label
	classes := l.client.SchedulingV1().PriorityClasses()
	t.Cleanup(func() { _ = classes.Delete(context.Background(), class.Name, metav1.DeleteOptions{}) })
	_, err := classes.Create(t.Context(), &class, metav1.CreateOptions{})
	require.NoError(t, err)
	return class.Name
}
