package driver

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	"github.com/orchestra-ci/orchestra-k8s/internal/testcluster"
)

// elsewhere has the scheduler prefer the simulated nodes, where nothing could be copied.
func elsewhere(cfg *Config) {
	cfg.Values["tolerations"] = []any{map[string]any{"key": "kwok.x-k8s.io/node", "operator": "Exists"}}
	cfg.Values["affinity"] = map[string]any{"nodeAffinity": map[string]any{"preferredDuringSchedulingIgnoredDuringExecution": []any{map[string]any{
		"weight": 100, "preference": map[string]any{"matchExpressions": []any{map[string]any{"key": "type", "operator": "In", "values": []any{"kwok"}}}},
	}}}}
}

// A volume that a pod uses is copied on that pod's node, also when the scheduler would rather take another one, and also when the volume is the
// platform's and the pod is a stranger's.
func TestClusterCopyWhereAPodUsesTheVolume(t *testing.T) {
	require.NotEmpty(t, testcluster.ReadInfo(t).SimulatedNodes)
	for name, stranger := range map[string]bool{"a task of this namespace": false, "a stranger's": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			theirs, _ := onCluster(t, uniqueNamespace(), nil)
			holder := run(t, theirs, using("volume", "echo theirs >volume/theirs; sleep 3600"))
			require.NoError(t, holder.awaitRunning(long(t)))
			namespace := theirs.cfg.Namespace
			if stranger {
				namespace = uniqueNamespace()
			}
			d, _ := onCluster(t, namespace, func(cfg *Config) {
				elsewhere(cfg)
				if stranger {
					claim := map[string]any{"claimName": theirs.templates.ClaimName("volume")}
					cfg.Values["volumeSources"] = map[string]any{"volume": map[string]any{"persistentVolumeClaim": claim}}
				}
			})
			require.NoError(t, d.CopyToVolume(t.Context(), "volume", bytes.NewReader(entries(t, tar.Header{Name: "file"}))))
			stream, err := d.CopyFromVolume(t.Context(), "volume")
			require.NoError(t, err)
			found := archived(t, stream)
			assert.Contains(t, found, "file")
			assert.Contains(t, found, "theirs")
		})
	}
}

// simulatedNode adds a node that the simulation runs, and whose volumes the cluster attaches. Only pods that name it come to it.
func simulatedNode(t *testing.T, d *Driver, name string) {
	t.Helper()
	var node corev1.Node
	require.NoError(t, yaml.UnmarshalStrict(fmt.Appendf(nil, `
metadata:
  name: %q
  annotations: {kwok.x-k8s.io/node: fake, volumes.kubernetes.io/controller-managed-attach-detach: "true"}
spec: {taints: [{key: example.com/test, effect: NoSchedule}]}
`, name), &node))
	_, err := d.typed.CoreV1().Nodes().Create(t.Context(), &node, metav1.CreateOptions{})
	require.NoError(t, err)
	t.Cleanup(func() {
		assert.NoError(t, d.typed.CoreV1().Nodes().Delete(context.WithoutCancel(t.Context()), name, metav1.DeleteOptions{}))
	})
}

// strangersPod runs a pod on a simulated node that mounts a claim, with the volume attached to the node: that part of a storage
// driver the test plays.
func strangersPod(t *testing.T, d *Driver, name, node, claim string) {
	t.Helper()
	var pod corev1.Pod
	require.NoError(t, yaml.UnmarshalStrict(fmt.Appendf(nil, `
metadata: {name: %q}
spec:
  nodeName: %q
  containers: [{name: holder, image: busybox}]
  volumes: [{name: volume, persistentVolumeClaim: {claimName: %q}}]
`, name, node, claim), &pod))
	_, err := d.typed.CoreV1().Pods(d.namespace).Create(t.Context(), &pod, metav1.CreateOptions{})
	require.NoError(t, err)
	t.Cleanup(func() {
		now := int64(0)
		ctx := context.WithoutCancel(t.Context())
		assert.NoError(t, d.typed.CoreV1().Pods(d.namespace).Delete(ctx, name, metav1.DeleteOptions{GracePeriodSeconds: &now}))
	})
	attachments := d.typed.StorageV1().VolumeAttachments()
	eventually(t, "the cluster wants the volume to be attached", func() bool {
		all, err := attachments.List(t.Context(), metav1.ListOptions{})
		require.NoError(t, err)
		for i := range all.Items {
			if all.Items[i].Spec.NodeName == node {
				_, err := attachments.Patch(t.Context(), all.Items[i].Name, types.MergePatchType, []byte(`{"status":{"attached":true}}`), metav1.PatchOptions{}, "status")
				return err == nil
			}
		}
		return false
	})
}

// A read-write-once volume that is attached to another node ends in the cluster's words about it, for a task and for a copy.
func TestClusterVolumeAttachedToAnotherNode(t *testing.T) {
	namespace := uniqueNamespace()
	d, _ := onCluster(t, namespace, func(cfg *Config) {
		cfg.Values["storageClassName"] = namespace
		cfg.StartDeadline = 20 * time.Second
	})
	simulatedNode(t, d, namespace)
	newPersistentVolume(t, d, namespace, corev1.ReadWriteOnce, fmt.Sprintf("csi: {driver: csi.example.com, volumeHandle: %q}", namespace))
	newVolume(t, d, "volume")
	strangersPod(t, d, namespace, namespace, d.templates.ClaimName("volume"))

	copied := make(chan error, 1)
	go func() {
		copied <- d.CopyToVolume(t.Context(), "volume", bytes.NewReader(entries(t, tar.Header{Name: "file"})))
	}()
	end, _ := finish(t, run(t, d, using("volume", "true")))
	assert.Equal(t, ReasonVolumeUnavailable, end.Reason())
	assert.Contains(t, end.Message(), "Volume is already used by pod(s) "+namespace)
	err := <-copied
	require.ErrorContains(t, err, ReasonVolumeUnavailable)
	require.ErrorContains(t, err, "Volume is already used by pod(s) "+namespace)
	assert.Empty(t, helperPods(t, d))
}
