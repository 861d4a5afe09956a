package driver

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/orchestra-ci/orchestra-k8s/internal/testcluster"
)

// give puts an object of the platform's into the cluster for the time of a test.
func give(t *testing.T, d *Driver, obj *unstructured.Unstructured) {
	t.Helper()
	obj.SetNamespace(d.namespace)
	made, err := d.create(t.Context(), obj)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, d.delete(context.WithoutCancel(t.Context()), refOf(made))) })
}

// A helper that is about to be removed, as one is that has been idle for long enough, serves no further copy.
func TestClusterCopyLeavesAFormerHelperAlone(t *testing.T) {
	t.Parallel()
	d, _ := onCluster(t, uniqueNamespace(), nil)
	newVolume(t, d, "volume")
	former := &helper{volume: "volume"}
	_, err := d.helpers.start(t.Context(), former)
	require.NoError(t, err)
	copying := func() error {
		return d.CopyToVolume(t.Context(), "volume", bytes.NewReader(entries(t, tar.Header{Name: "file"})))
	}
	require.NoError(t, copying())
	d.helpers.remove(t.Context(), former)
	require.NoError(t, copying())
	assert.Len(t, helperPods(t, d), 1)
}

// A caller who gives up takes no helper from another one, who waits for it, too.
func TestClusterCopyIsOneCallersToGiveUp(t *testing.T) {
	t.Parallel()
	info := testcluster.ReadInfo(t)
	namespace := uniqueNamespace()
	d, _ := onCluster(t, namespace, func(cfg *Config) { cfg.Values["storageClassName"] = namespace })
	newVolume(t, d, "volume") // which nobody provides for the moment
	copying := func(ctx context.Context) <-chan error {
		result := make(chan error, 1)
		go func() { result <- d.CopyToVolume(ctx, "volume", bytes.NewReader(entries(t, tar.Header{Name: "file"}))) }()
		return result
	}
	users := func() int {
		d.helpers.mu.Lock()
		defer d.helpers.mu.Unlock()
		if h := d.helpers.byVolume["volume"]; h != nil {
			return h.users
		}
		return 0
	}
	ctx, cancel := context.WithCancel(t.Context())
	first := copying(ctx)
	eventually(t, "the helper waits for the volume", func() bool { return len(helperPods(t, d)) == 1 })
	second := copying(t.Context())
	eventually(t, "both wait for it", func() bool { return users() == 2 })
	cancel()
	require.ErrorIs(t, <-first, context.Canceled)
	newStorage(t, d, namespace, t.TempDir(), info.NodeName)
	require.NoError(t, <-second)
	assert.Len(t, helperPods(t, d), 1)
}

// A copy that fails spoils no other one that is under way in its helper, nor does one that comes later, and which waits for that.
func TestClusterCopyThatFailsSpoilsNoOther(t *testing.T) {
	t.Parallel()
	d, _ := onCluster(t, uniqueNamespace(), nil)
	newVolume(t, d, "volume")
	require.NoError(t, d.CopyToVolume(t.Context(), "volume", bigArchive(t, 30<<20)))
	stream, err := d.CopyFromVolume(t.Context(), "volume")
	require.NoError(t, err)
	first := helperPods(t, d)
	require.Len(t, first, 1)
	require.ErrorIs(t, d.CopyToVolume(t.Context(), "volume", iotest.ErrReader(errReader)), errReader)

	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	require.ErrorIs(t, copyFile(ctx, t, d), context.DeadlineExceeded)
	later := make(chan error, 1)
	go func() { later <- copyFile(t.Context(), t, d) }()
	assert.Contains(t, archived(t, stream), "big")
	require.NoError(t, <-later)
	second := helperPods(t, d)
	require.Len(t, second, 1)
	assert.NotEqual(t, first[0].GetUID(), second[0].GetUID())
}

// A copy that is given up while its helper starts leaves none, not even for the time that others may use one that has copied.
func TestClusterCopyGivenUpAtItsBeginning(t *testing.T) {
	t.Parallel()
	d, _ := onCluster(t, uniqueNamespace(), func(cfg *Config) { cfg.HelperIdle = time.Hour })
	newVolume(t, d, "volume")
	for range 4 {
		ctx, cancel := context.WithCancel(t.Context())
		result := make(chan error, 1)
		go func() { result <- d.CopyToVolume(ctx, "volume", bytes.NewReader(entries(t, tar.Header{Name: "file"}))) }()
		eventually(t, "a helper begins", func() bool { return len(helperPods(t, d)) == 1 })
		cancel()
		require.ErrorIs(t, <-result, context.Canceled)
		eventually(t, "it goes in the background", func() bool { return len(helperPods(t, d)) == 0 })
	}
}

// The helper's image, resources, pull secrets, service account and placement are those of the values. An image that it may not pull fails
// the copy with the reason, and leaves no helper.
func TestClusterCopyHelperIsAsValuesSay(t *testing.T) {
	info := testcluster.ReadInfo(t)
	namespace := uniqueNamespace()
	d, _ := onCluster(t, namespace, func(cfg *Config) {
		cfg.ProblemDeadline = 5 * time.Second
		cfg.Values["helper"] = map[string]any{"image": info.PrivateImage, "resources": map[string]any{
			"limits": map[string]any{"memory": "64Mi"}, "requests": map[string]any{"cpu": "10m", "memory": "16Mi"},
		}}
		cfg.Values["imagePullSecrets"] = []any{map[string]any{"name": namespace}}
		cfg.Values["serviceAccountName"] = namespace
		cfg.Values["priorityClassName"] = "system-node-critical"
		cfg.Values["nodeSelector"] = map[string]any{"kubernetes.io/hostname": info.NodeName}
		cfg.Values["tolerations"] = []any{map[string]any{"key": "example.com/copies", "operator": "Exists"}}
	})
	give(t, d, object(t, fmt.Sprintf("{apiVersion: v1, kind: ServiceAccount, metadata: {name: %q}}", namespace)))
	newVolume(t, d, "volume")
	copying := func() error {
		return d.CopyToVolume(t.Context(), "volume", bytes.NewReader(entries(t, tar.Header{Name: "file"})))
	}
	require.ErrorContains(t, copying(), ReasonImageForbidden)
	assert.Empty(t, helperPods(t, d))

	login, err := json.Marshal(map[string]any{"auths": map[string]any{
		info.PrivateRegistry: map[string]any{"username": info.PrivateUsername, "password": info.PrivatePassword},
	}})
	require.NoError(t, err)
	secret := object(t, fmt.Sprintf("{apiVersion: v1, kind: Secret, type: kubernetes.io/dockerconfigjson, metadata: {name: %q}}", namespace))
	secret.Object["stringData"] = map[string]any{corev1.DockerConfigJsonKey: string(login)}
	give(t, d, secret)
	require.NoError(t, copying())
	helpers := helperPods(t, d)
	require.Len(t, helpers, 1)
	var pod corev1.Pod
	require.NoError(t, runtime.DefaultUnstructuredConverter.FromUnstructured(helpers[0].Object, &pod))
	require.Len(t, pod.Spec.Containers, 1)
	assert.Equal(t, info.PrivateImage, pod.Spec.Containers[0].Image)
	resources, err := json.Marshal(pod.Spec.Containers[0].Resources)
	require.NoError(t, err)
	assert.JSONEq(t, `{"limits":{"memory":"64Mi"},"requests":{"cpu":"10m","memory":"16Mi"}}`, string(resources))
	assert.Equal(t, []corev1.LocalObjectReference{{Name: namespace}}, pod.Spec.ImagePullSecrets)
	assert.Equal(t, []string{namespace, "system-node-critical"}, []string{pod.Spec.ServiceAccountName, pod.Spec.PriorityClassName})
	assert.Equal(t, map[string]string{"kubernetes.io/hostname": info.NodeName}, pod.Spec.NodeSelector)
	assert.Contains(t, pod.Spec.Tolerations, corev1.Toleration{Key: "example.com/copies", Operator: corev1.TolerationOpExists})
}
