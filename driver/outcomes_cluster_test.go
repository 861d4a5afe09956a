package driver

import (
	"context"
	"crypto/rand"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/util/connrotation"
	"sigs.k8s.io/yaml"

	"github.com/orchestra-ci/orchestra-k8s/internal/testcluster"
)

var recordPods = flag.Bool("record", false, "write testdata/pods anew from the cluster")

// outcomeTimeout is for situations that take the cluster's own time: pulls that fail, nodes that look at their disks.
const outcomeTimeout = 4 * time.Minute

// situation is a way for a pod to end, or not to begin: one entry of testdata/situations.yaml.
type situation struct {
	Reason string `json:"reason"`
	Done   bool   `json:"done"`
	Action string `json:"action"` // delete or evict
	// RecordOnly situations take minutes of the node's own time, more on a busy one. They are made with -record; what was
	// recorded of them is checked by the table of recorded pods like all others.
	RecordOnly bool           `json:"recordOnly"`
	Spec       corev1.PodSpec `json:"spec"`
}

func readSituations(t *testing.T, info testcluster.Info) map[string]situation {
	text, err := os.ReadFile("../testdata/situations.yaml")
	require.NoError(t, err)
	var situations map[string]situation
	specific := strings.NewReplacer("PRIVATE", info.PrivateImage, "NODE", info.NodeName).Replace(string(text))
	require.NoError(t, yaml.UnmarshalStrict([]byte(specific), &situations))
	return situations
}

// TestOutcomes makes every situation on a real cluster, and reads it through a watch and from the object.
func TestOutcomes(t *testing.T) {
	info := testcluster.ReadInfo(t)
	lab, situations := newLab(t, info), readSituations(t, info)
	subjects := map[string]*subject{} // all at once, as most of them only wait
	maps.DeleteFunc(situations, func(_ string, s situation) bool { return s.RecordOnly && !*recordPods })
	for name, s := range situations {
		subjects[name] = lab.make(t, name, s)
	}
	for name, s := range situations {
		t.Run(name, func(t *testing.T) {
			if s.Action != "" {
				lab.act(t, subjects[name].pod, s.Action)
			}
			seen := lab.observe(t, subjects[name])
			assert.Equal(t, s.Reason, seen.status.reason, seen.status.message)
			assert.Equal(t, s.Done, seen.status.done)
			if s.Done {
				assert.Equal(t, s.Reason == ReasonCompleted, seen.status.exitCode == 0)
			}
			t.Logf("%s, exit code %d: %s", seen.status.reason, seen.status.exitCode, seen.status.message)
		})
	}
}

// lab makes pods in a real cluster, and watches them.
type lab struct {
	info   testcluster.Info
	client kubernetes.Interface
	watch  *podWatch
	label  string
}

// subject is one pod of the lab, and every state that it goes through.
type subject struct {
	situation
	name   string
	pod    *corev1.Pod
	states watch.Interface
}

// clusterClient is a client of the cluster, or of what stands before it at address, that leaves no connection behind.
func clusterClient(t testing.TB, kubeconfig, address string) kubernetes.Interface {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	require.NoError(t, err)
	dialer := connrotation.NewDialer(func(ctx context.Context, network, server string) (net.Conn, error) {
		if address != "" {
			server = address
		}
		return (&net.Dialer{}).DialContext(ctx, network, server)
	})
	t.Cleanup(dialer.CloseAll)
	config.Dial, config.QPS, config.ContentType = dialer.DialContext, -1, runtime.ContentTypeProtobuf
	client, err := kubernetes.NewForConfig(config)
	require.NoError(t, err)
	return client
}

// newLab is a lab that only watches.
func newLab(t testing.TB, info testcluster.Info) *lab {
	l := openLab(t, info)
	require.NoError(t, l.watch.start(testContext(t)))
	return l
}

// openLab is a lab whose watch has no deadlines, and is not started.
func openLab(t testing.TB, info testcluster.Info) *lab {
	l := &lab{info: info, client: clusterClient(t, info.Kubeconfig, ""), label: "lab-" + strings.ToLower(rand.Text()[:8])}
	l.watch = newPodWatch(l.client, "default", "lab="+l.label, slog.New(slog.DiscardHandler))
	l.watch.limits = deadlines{}
	t.Cleanup(l.watch.close)
	return l
}

// make creates the situation's pod, and removes it after the test.
func (l *lab) make(t testing.TB, name string, s situation) *subject {
	t.Helper()
	pod := corev1.Pod{Spec: s.Spec}
	no, grace := false, int64(5)
	pod.Spec.RestartPolicy, pod.Spec.AutomountServiceAccountToken, pod.Spec.TerminationGracePeriodSeconds = corev1.RestartPolicyNever, &no, &grace
	for i := range pod.Spec.Containers {
		withImage(&pod.Spec.Containers[i])
	}
	for i := range pod.Spec.InitContainers {
		withImage(&pod.Spec.InitContainers[i])
	}
	pod.Name, pod.Labels = name+"-"+l.label, map[string]string{"lab": l.label}
	created, err := l.client.CoreV1().Pods("default").Create(t.Context(), &pod, metav1.CreateOptions{})
	require.NoError(t, err)
	t.Cleanup(func() {
		now := int64(0)
		_ = l.client.CoreV1().Pods("default").Delete(context.Background(), created.Name, metav1.DeleteOptions{GracePeriodSeconds: &now})
	})
	l.watch.seed(created)
	states, err := l.client.CoreV1().Pods("default").Watch(t.Context(), metav1.ListOptions{
		FieldSelector: "metadata.name=" + pod.Name, ResourceVersion: created.ResourceVersion,
	})
	require.NoError(t, err)
	t.Cleanup(states.Stop)
	return &subject{situation: s, name: name, pod: created, states: states}
}

func withImage(container *corev1.Container) {
	if container.Image == "" {
		container.Image = "busybox"
	}
}

// act deletes or evicts the pod when its task runs.
func (l *lab) act(t *testing.T, pod *corev1.Pod, action string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), outcomeTimeout)
	defer cancel()
	seen, err := l.watch.wait(ctx, pod.UID, func(r record) bool { return r.started })
	require.NoError(t, err, "%v", seen.status)
	switch action {
	case "delete":
		err = l.client.CoreV1().Pods("default").Delete(ctx, pod.Name, metav1.DeleteOptions{})
	case "evict":
		err = l.client.CoreV1().Pods("default").EvictV1(ctx, &policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Name: pod.Name, Namespace: "default"}})
	}
	require.NoError(t, err)
}

// observe waits for the situation, in the objects and in the record of the watch.
func (l *lab) observe(t *testing.T, s *subject) record {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), outcomeTimeout)
	defer cancel()
	seen, err := l.watch.wait(ctx, s.pod.UID, func(r record) bool { return r.status.reason == s.Reason && r.status.done == s.Done })
	require.NoError(t, err, "%v", seen.status)
	shows := func(pod *corev1.Pod) bool { now := statusOf(pod); return now.reason == s.Reason && now.done == s.Done }
	pod := s.pod
	if !shows(pod) {
		pod = l.finalObject(t, s, shows)
	}
	l.record(t, s.name, pod)
	return seen
}

// record writes the pod to testdata, without what is special about this cluster.
func (l *lab) record(t *testing.T, name string, pod *corev1.Pod) {
	t.Helper()
	if !*recordPods {
		return
	}
	pod = pod.DeepCopy()
	pod.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}
	pod.ManagedFields, pod.Labels = nil, nil
	pod.Status.HostIP, pod.Status.PodIP, pod.Status.HostIPs, pod.Status.PodIPs = "", "", nil, nil
	text, err := yaml.Marshal(pod)
	require.NoError(t, err)
	generic := strings.NewReplacer(
		string(pod.UID), "uid-of-"+name, pod.Name, name, l.info.PrivateImage, "private.example/busybox", l.info.PrivateRegistry, "private.example",
		"nodeName: "+l.info.NodeName, "nodeName: node", l.label, "node",
	).Replace(string(text))
	file := filepath.Join(recordedPods, name+".yaml")
	require.NoError(t, os.WriteFile(file, fmt.Appendf(nil, "# Recorded from a cluster by TestOutcomes -record.\n%s", generic), 0o644))
}
