package driver

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"testing"
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
