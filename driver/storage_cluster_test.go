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
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/orchestra-ci/orchestra-k8s/internal/testcluster"
	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

// newClass makes a storage class whose claims are bound with their first pod.
func newClass(t *testing.T, d *Driver, name, provisioner string) {
	t.Helper()
	var class storagev1.StorageClass
	require.NoError(t, yaml.UnmarshalStrict(fmt.Appendf(nil, "{metadata: {name: %q}, provisioner: %q, volumeBindingMode: WaitForFirstConsumer}", name, provisioner), &class))
	_, err := d.typed.StorageV1().StorageClasses().Create(t.Context(), &class, metav1.CreateOptions{})
	require.NoError(t, err)
	t.Cleanup(func() {
		assert.NoError(t, d.typed.StorageV1().StorageClasses().Delete(context.WithoutCancel(t.Context()), name, metav1.DeleteOptions{}))
	})
}

// newStorage makes a PersistentVolume of a class that only it has, in a directory of a node.
func newStorage(t *testing.T, d *Driver, class, dir, node string) {
	t.Helper()
	newPersistentVolume(t, d, class, corev1.ReadWriteOnce, directory(dir, node))
}

// directory is a volume that is a directory of a node.
func directory(dir, node string) string {
	return fmt.Sprintf(`
hostPath: {path: %q, type: DirectoryOrCreate}
nodeAffinity:
  required: {nodeSelectorTerms: [{matchExpressions: [{key: kubernetes.io/hostname, operator: In, values: [%q]}]}]}
`, dir, node)
}

// newPersistentVolume makes a PersistentVolume of a class that only it has.
func newPersistentVolume(t *testing.T, d *Driver, class string, mode corev1.PersistentVolumeAccessMode, source string) {
	t.Helper()
	var volume corev1.PersistentVolume
	require.NoError(t, yaml.UnmarshalStrict([]byte(source), &volume.Spec))
	require.NoError(t, yaml.Unmarshal(fmt.Appendf(nil, `
metadata: {name: %[1]q}
spec: {storageClassName: %[1]q, accessModes: [%[2]s], capacity: {storage: 10Gi}, persistentVolumeReclaimPolicy: Retain}
`, class, mode), &volume))
	_, err := d.typed.CoreV1().PersistentVolumes().Create(t.Context(), &volume, metav1.CreateOptions{})
	require.NoError(t, err)
	t.Cleanup(func() {
		assert.NoError(t, d.typed.CoreV1().PersistentVolumes().Delete(context.WithoutCancel(t.Context()), class, metav1.DeleteOptions{}))
	})
}

// A claim that is bound with the first pod is bound by a copy, too.
func TestClusterVolumeThatWaitsForItsFirstConsumer(t *testing.T) {
	namespace := uniqueNamespace()
	d, _ := onCluster(t, namespace, func(cfg *Config) { cfg.Values["storageClassName"] = namespace })
	newClass(t, d, namespace, "kubernetes.io/host-path")
	newVolume(t, d, "volume")
	require.NoError(t, d.CopyToVolume(t.Context(), "volume", bytes.NewReader(entries(t, tar.Header{Name: "file"}))))
	c := run(t, d, using("volume", "cat volume/file"))
	end, out := finish(t, c)
	assert.Equal(t, "file", out, end.Message())
}

// Claims that are never bound end in a reason, for a task and for a copy.
func TestClusterVolumesThatAreNeverBound(t *testing.T) {
	absent := uniqueNamespace()
	for class, words := range map[string]string{"there-is-no-such-class": `"there-is-no-such-class"`, "": "has no storage class", absent: `waits for the provisioner "example.com/absent"`} {
		t.Run("class "+class, func(t *testing.T) {
			t.Parallel()
			d, _ := onCluster(t, uniqueNamespace(), func(cfg *Config) {
				cfg.Values["storageClassName"] = class
				cfg.SchedulingDeadline = 5 * time.Second
			})
			if class == absent {
				newClass(t, d, absent, "example.com/absent")
			}
			newVolume(t, d, "volume")
			end, _ := finish(t, run(t, d, using("volume", "true")))
			assert.Equal(t, ReasonVolumeUnavailable, end.Reason(), end.Message())
			assert.Contains(t, end.Message(), words)
			assert.Contains(t, end.Message(), d.templates.ClaimName("volume"))
			err := d.CopyToVolume(t.Context(), "volume", bytes.NewReader(entries(t, tar.Header{Name: "file"})))
			require.ErrorContains(t, err, ReasonVolumeUnavailable)
			assert.Empty(t, helperPods(t, d))
		})
	}
}

// A volume that lies on one node, and is wanted on another, ends in a reason that names it.
func TestClusterVolumeWantedOnAnotherNode(t *testing.T) {
	info := testcluster.ReadInfo(t)
	namespace := uniqueNamespace()
	d, _ := onCluster(t, namespace, func(cfg *Config) {
		cfg.Values["storageClassName"] = namespace
		cfg.Values["nodeSelector"] = map[string]any{"type": "kwok"}
		cfg.Values["tolerations"] = []any{map[string]any{"key": "kwok.x-k8s.io/node", "operator": "Exists"}}
		cfg.SchedulingDeadline = 5 * time.Second
	})
	newStorage(t, d, namespace, t.TempDir(), info.NodeName)
	newVolume(t, d, "volume")
	eventually(t, "the claim is bound", func() bool {
		volumes, err := d.Volumes(t.Context())
		return assert.NoError(t, err) && volumes[0].Phase == "Bound"
	})
	end, _ := finish(t, run(t, d, using("volume", "true")))
	assert.Equal(t, ReasonVolumeUnavailable, end.Reason(), end.Message())
	assert.Contains(t, end.Message(), fmt.Sprintf("%s is bound to the volume %q", d.templates.ClaimName("volume"), namespace))
	err := d.CopyToVolume(t.Context(), "volume", bytes.NewReader(entries(t, tar.Header{Name: "file"})))
	assert.ErrorContains(t, err, ReasonVolumeUnavailable)
}

// using is a task that runs a script with a volume in its working directory.
func using(volume, script string) orchestra.Task {
	return orchestra.Task{ID: "task-" + volume, Image: "busybox", Command: []string{"sh", "-c", script}, Mounts: orchestra.Mounts{{Name: volume}}}
}
