package templates_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchestra-ci/orchestra-k8s/render"
)

// directory is one of testdata/platforms.
func directory(name string) render.Layer {
	return render.Layer{Name: name, FS: os.DirFS(filepath.Join("..", "testdata", "platforms", name))}
}

// The directories are run on a cluster by the tests of package driver; this is what shows without one.
func TestPlatformDirectories(t *testing.T) {
	task := buildTask()
	task.Privileged, task.User = false, ""
	gpu := renderAll(t, task, directory("gpu"))
	require.NotNil(t, gpu.job)
	assert.Equal(t, "Ignore", string(gpu.job.Spec.PodFailurePolicy.Rules[0].Action))
	assertYAML(t, `{limits: {cpu: "1", memory: "4096", nvidia.com/gpu: "1"}, requests: {cpu: 500m, memory: "2048"}}`, gpu.task.Resources)

	tenants := renderAll(t, task, folder(t, "builtin/restricted"), folder(t, "builtin/secret-env"), directory("tenants"))
	assert.True(t, *tenants.task.SecurityContext.ReadOnlyRootFilesystem)
	assert.NotNil(t, tenants.task.Env[0].ValueFrom.SecretKeyRef)
	namespace, err := tenants.set.Namespace()
	require.NoError(t, err)
	require.Len(t, namespace, 4)
	assert.Equal(t, tenants.set.KubeNamespace(), namespace[0].GetName())
	assert.Equal(t, "restricted", namespace[0].GetLabels()["pod-security.kubernetes.io/enforce"])

	cache := renderAll(t, task, directory("cache"))
	assertYAML(t, "[ReadWriteMany]", cache.claim.Spec.AccessModes)
	require.Len(t, cache.pod.InitContainers, 1)
	assertYAML(t, "[{name: volume-cache-9sdspqhlx6dnh, mountPath: /cache/cache, readOnly: true}]", cache.pod.InitContainers[0].VolumeMounts)
	task.Mounts = nil
	assert.Empty(t, renderAll(t, task, directory("cache")).pod.InitContainers, "without a volume there is nothing to serve")
}
