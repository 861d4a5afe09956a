package driver

import (
	"archive/tar"
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
	"github.com/orchestra-ci/orchestra-k8s/render"
)

func TestClusterVolumesOfThePlatform(t *testing.T) {
	theirs, _ := onCluster(t, uniqueNamespace(), nil)
	newVolume(t, theirs, "volume")
	claim := theirs.templates.ClaimName("volume")
	d, _ := onCluster(t, uniqueNamespace(), func(cfg *Config) {
		cfg.Values["volumeSources"] = map[string]any{
			"shared":  map[string]any{"persistentVolumeClaim": map[string]any{"claimName": claim}},
			"scratch": map[string]any{"emptyDir": map[string]any{"sizeLimit": "10Mi"}},
			"own": map[string]any{"ephemeral": map[string]any{"volumeClaimTemplate": map[string]any{"spec": map[string]any{
				"accessModes": []any{"ReadWriteOnce"}, "resources": map[string]any{"requests": map[string]any{"storage": "1Mi"}},
			}}}},
		}
	})
	require.NoError(t, d.CopyToVolume(t.Context(), "shared", bytes.NewReader(entries(t, tar.Header{Name: "file"}))))
	c := run(t, d, orchestra.Task{
		ID: "x", Image: "busybox", Command: []string{"sh", "-c", "cp shared/file scratch/ && cp scratch/file own/ && cat own/file"},
		Mounts: orchestra.Mounts{{Name: "shared", Path: "shared"}, {Name: "scratch", Path: "scratch"}, {Name: "own"}},
	})
	end, out := finish(t, c)
	assert.Equal(t, "file", out, end.Message())
	assert.Empty(t, helperPods(t, d), "the helper was removed before the task was made")
	assert.Len(t, claimsOf(t, d, c.ID()), 1, "the pod's own")
	err := d.CopyToVolume(t.Context(), "own", bytes.NewReader(entries(t, tar.Header{Name: "file"})))
	require.ErrorContains(t, err, "every pod has a volume of this name for itself")
	require.NoError(t, d.Close())
	eventually(t, "the pod's claim goes with it", func() bool { return len(claimsOf(t, d, c.ID())) == 0 })
	assert.Len(t, left(t, theirs), 1, "their claim stays")
}

// Size, class, access modes and mode are those of the caller and of the values, for CreateVolume and for mounts. The class does not exist, so that
// nothing is provisioned.
func TestClusterVolumeIsWhatWasAskedFor(t *testing.T) {
	namespace := uniqueNamespace()
	with := func(class string) func(*Config) {
		return func(cfg *Config) {
			cfg.Values["storageClassName"] = class
			cfg.Values["accessModes"] = []any{"ReadWriteMany", "ReadOnlyMany"}
			cfg.Values["volumeMode"] = "Block"
			cfg.Values["storage"] = "2Gi"
		}
	}
	d, log := onCluster(t, namespace, with(namespace))
	newVolume(t, d, "default")
	_, err := d.CreateVolume(t.Context(), "bytes", 1_234_567)
	require.NoError(t, err)
	mounting := sleeper("mounting")
	mounting.Mounts = orchestra.Mounts{{Name: "mounted", Path: "data", SizeGB: 3}, {Name: "bytes", Path: "bytes"}}
	run(t, d, mounting)
	sizes := map[string]string{"default": "2Gi", "bytes": "1234567", "mounted": "3Gi"}
	claims := map[string]*unstructured.Unstructured{}
	for name, size := range sizes {
		claim, err := d.look(t.Context(), ref{kind: claimKind, namespace: d.namespace, name: d.templates.ClaimName(name)})
		require.NoError(t, err)
		claims[name] = claim
		assert.Equal(t, map[string]any{
			"storageClassName": namespace, "accessModes": []any{"ReadWriteMany", "ReadOnlyMany"}, "volumeMode": "Block",
			"resources": map[string]any{"requests": map[string]any{"storage": size}},
		}, claim.Object["spec"], name)
		assert.Equal(t, namespace, claim.GetLabels()[render.KeyNamespace], name)
		assert.Equal(t, render.ManagedBy, claim.GetLabels()[render.LabelManagedBy], name)
		assert.Equal(t, []string{namespace, name}, []string{claim.GetAnnotations()[render.KeyNamespace], claim.GetAnnotations()[render.KeyVolume]})
	}
	assert.NotContains(t, log.String(), "different specification")

	other, said := onCluster(t, namespace, with("another"))
	again := sleeper("again")
	again.Mounts = orchestra.Mounts{{Name: "mounted", Path: "data", SizeGB: 4}, {Name: "default", Path: "default"}}
	run(t, other, again)
	for name, differs := range map[string]string{"mounted": `"spec.resources.requests.storage, spec.storageClassName"`, "default": "spec.storageClassName"} {
		assert.Contains(t, said.String(), `object=`+refOf(claims[name]).String()+` differs=`+differs+"\n")
	}
	found, err := other.CreateVolume(t.Context(), "bytes", 1_234_567)
	require.NoError(t, err)
	assert.Equal(t, claims["bytes"].GetUID(), found.(*volume).ref.uid)
	assert.Len(t, left(t, d), 3+2, "the claims and the tasks")
}

// What has a volume's name and is another's is neither mounted, nor copied, nor changed, nor deleted; also if it has the labels of the driver's
// own, and took the place of a volume of which the driver has a handle.
func TestClusterForeignClaimIsNeitherUsedNorTouched(t *testing.T) {
	d, _ := onCluster(t, uniqueNamespace(), nil)
	own, err := d.CreateVolume(t.Context(), "volume", 0)
	require.NoError(t, err)
	at := own.(*volume).ref
	was, err := d.look(t.Context(), at)
	require.NoError(t, err)
	require.NoError(t, d.remove(t.Context(), at))

	foreign := object(t, "{apiVersion: v1, kind: PersistentVolumeClaim, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}}")
	foreign.SetName(at.name)
	foreign.SetNamespace(at.namespace)
	foreign.SetLabels(was.GetLabels())
	foreign.SetAnnotations(map[string]string{render.KeyNamespace: "another", render.KeyVolume: "volume"})
	made, err := d.create(t.Context(), foreign)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, d.delete(context.WithoutCancel(t.Context()), refOf(made))) })
	look := func() *unstructured.Unstructured {
		live, err := d.look(t.Context(), refOf(made))
		require.NoError(t, err)
		return live
	}
	var before *unstructured.Unstructured
	eventually(t, "it is bound", func() bool {
		before = look()
		phase, _, _ := unstructured.NestedString(before.Object, "status", "phase")
		return phase == "Bound"
	})

	later(d, time.Hour)
	_, created := d.CreateVolume(t.Context(), "volume", 0)
	_, ran := d.RunContainer(t.Context(), using("volume", "true"))
	_, started := d.StartSandbox(t.Context(), using("volume", "true"))
	_, read := d.CopyFromVolume(t.Context(), "volume")
	written := d.CopyToVolume(t.Context(), "volume", bytes.NewReader(entries(t, tar.Header{Name: "file"})))
	for what, err := range map[string]error{"creating": created, "running": ran, "starting": started, "reading": read, "writing": written} {
		var conflict *ForeignError
		require.ErrorAs(t, err, &conflict, what)
	}
	require.NoError(t, own.Cleanup(long(t)))
	swept, err := d.Sweep(long(t), time.Minute)
	require.NoError(t, err)
	assert.Empty(t, swept)
	require.NoError(t, d.Close())
	after := look()
	assert.Nil(t, after.GetDeletionTimestamp())
	for _, change := range [][]any{ // the cluster's own are in its status
		{before.GetUID(), after.GetUID()}, {before.GetLabels(), after.GetLabels()}, {before.GetAnnotations(), after.GetAnnotations()},
		{before.Object["spec"], after.Object["spec"]},
	} {
		assert.Equal(t, change[0], change[1])
	}
	assert.Equal(t, []string{refOf(made).String()}, left(t, d))
}

// claimsOf are the names of the claims that belong to a pod, as those of its ephemeral volumes do.
func claimsOf(t *testing.T, d *Driver, pod string) []string {
	t.Helper()
	claims, err := d.typed.CoreV1().PersistentVolumeClaims(d.namespace).List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	var names []string
	for i := range claims.Items {
		for _, owner := range claims.Items[i].OwnerReferences {
			if owner.Kind == "Pod" && owner.Name == pod {
				names = append(names, claims.Items[i].Name)
			}
		}
	}
	return names
}
