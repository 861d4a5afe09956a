package driver

import (
	"bytes"
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"github.com/orchestra-ci/orchestra-k8s/internal/testcluster"
	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

var (
	secretKind        = schema.GroupVersionKind{Version: "v1", Kind: "Secret"}
	networkPolicyKind = schema.GroupVersionKind{Group: "networking.k8s.io", Version: "v1", Kind: "NetworkPolicy"}
)

// platform is a directory of testdata/platforms, as a team that runs Orchestra would keep it.
func platform(name string) string { return filepath.Join("..", "testdata", "platforms", name) }

// readLive reads an object of the cluster into its type.
func readLive(t *testing.T, d *Driver, r ref, into any) {
	t.Helper()
	obj, err := d.look(long(t), r)
	require.NoError(t, err)
	require.NoError(t, runtime.DefaultUnstructuredConverter.FromUnstructured(obj.Object, into))
}

func script(id, command string) orchestra.Task {
	return orchestra.Task{ID: id, Image: "busybox", Command: []string{"sh", "-c", command}}
}

const simulatedGPUNode = `
metadata:
  labels: {type: kwok, nvidia.com/gpu.present: "true", nvidia.com/gpu.product: A100-SXM4-80GB}
  annotations: {kwok.x-k8s.io/node: fake}
spec:
  taints: [{key: nvidia.com/gpu, value: present, effect: NoSchedule}]
status:
  allocatable: {cpu: "32", memory: 256Gi, pods: "110", nvidia.com/gpu: "1"}
  capacity: {cpu: "32", memory: 256Gi, pods: "110", nvidia.com/gpu: "1"}
`

// addGPUNode adds a simulated node with one GPU and the taint of such nodes, until the test ends.
func addGPUNode(t *testing.T) (name string) {
	t.Helper()
	info := testcluster.ReadInfo(t)
	require.NotEmpty(t, info.SimulatedNodes, "make cluster-up simulates nodes")
	var node corev1.Node
	require.NoError(t, yaml.UnmarshalStrict([]byte(simulatedGPUNode), &node))
	node.Name = "gpu-" + uniqueNamespace()
	nodes := clusterClient(t, info.Kubeconfig, "").CoreV1().Nodes()
	t.Cleanup(func() {
		assert.NoError(t, nodes.Delete(context.WithoutCancel(t.Context()), node.Name, metav1.DeleteOptions{}))
	})
	_, err := nodes.Create(t.Context(), &node, metav1.CreateOptions{})
	require.NoError(t, err)
	return node.Name
}

// The directory as it is, on a node as it wants: simulated, because this machine has no GPU.
func TestPlatformGPUFindsItsNode(t *testing.T) {
	node := addGPUNode(t)
	d, _ := onCluster(t, uniqueNamespace(), func(cfg *Config) {
		cfg.TemplateDirs = []string{platform("gpu")}
		cfg.Values["labels"] = map[string]any{"devcluster/complete": "true"}
	})
	c := run(t, d, script("train", "true"))
	end, err := c.Wait(long(t))
	require.NoError(t, err)
	require.Zero(t, end.ExitCode(), end.(status).message)
	var pods []corev1.Pod
	found, err := d.list(t.Context(), podKind, d.selector(), func(*unstructured.Unstructured) bool { return true })
	require.NoError(t, err)
	for _, obj := range found {
		var pod corev1.Pod
		readLive(t, d, refOf(obj), &pod)
		pods = append(pods, pod)
	}
	require.Len(t, pods, 1)
	assert.Equal(t, node, pods[0].Spec.NodeName)
	assert.Equal(t, "1", pods[0].Spec.Containers[0].Resources.Limits.Name("nvidia.com/gpu", "").String())
	require.NoError(t, c.Cleanup(long(t)))
	assert.Empty(t, left(t, d))
}

// onRealNode takes away what only a node with a GPU has. All else of the platform stays.
func onRealNode(cfg *Config) {
	cfg.TemplateDirs = []string{platform("gpu")}
	cfg.Values["nodeSelector"] = map[string]any{"nvidia.com/gpu.present": nil, "kubernetes.io/os": "linux"}
	cfg.Values["resources"] = map[string]any{"limits": map[string]any{"nvidia.com/gpu": nil}}
}

func TestPlatformGPU(t *testing.T) {
	d, _ := onCluster(t, uniqueNamespace(), onRealNode)
	train := script("train", `echo weights > model/best; df -h /dev/shm | tail -n 1; echo "$NVIDIA_DRIVER_CAPABILITIES"`)
	train.Mounts = orchestra.Mounts{{Name: "model", Path: "model"}}
	c := run(t, d, train)
	end, out := finish(t, c)
	require.Zero(t, end.exitCode, end.message)
	assert.Contains(t, out, "256.0M", "the team's shared memory")
	assert.Contains(t, out, "compute,utility\n")
	var job batchv1.Job
	readLive(t, d, c.ref, &job)
	assert.Equal(t, int32(86400), *job.Spec.TTLSecondsAfterFinished)
	assert.Equal(t, int32(3), *job.Spec.BackoffLimit)

	export := script("export", "cat model/best; exit 3")
	export.Mounts = train.Mounts
	failed := run(t, d, export)
	end, out = finish(t, failed)
	assert.Equal(t, 3, end.exitCode, "the failure policy runs it once: %s", end.message)
	assert.Equal(t, "weights\n", out)
	require.NoError(t, c.Cleanup(long(t)))
	require.NoError(t, failed.Cleanup(long(t)))
	assert.Equal(t, []string{"PersistentVolumeClaim/" + d.namespace + "/" + d.templates.ClaimName("model")}, left(t, d))
	require.NoError(t, d.Close())
	assert.Empty(t, left(t, d))
}

// A drained node is not the task's failure: the Job of this team starts another pod, and the task succeeds.
func TestPlatformGPUSurvivesADrain(t *testing.T) {
	d, _ := onCluster(t, uniqueNamespace(), onRealNode)
	train := script("train", "if [ -f model/begun ]; then echo resumed; else touch model/begun; sleep 3600; fi")
	train.Mounts = orchestra.Mounts{{Name: "model", Path: "model"}}
	c := run(t, d, train)
	require.NoError(t, d.watch.start(long(t)))
	first, err := d.watch.wait(long(t), c.uid, func(r record) bool { return r.stage == stageRunning })
	require.NoError(t, err)
	eviction := &policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Name: first.pod, Namespace: d.namespace}}
	require.NoError(t, d.typed.PolicyV1().Evictions(d.namespace).Evict(long(t), eviction))
	end, out := finish(t, c)
	assert.Zero(t, end.exitCode, end.message)
	assert.Equal(t, "resumed\n", out)
}

// The network of the local cluster enforces no policies; what is shown is that they are made and go.
func TestPlatformTenants(t *testing.T) {
	d, log := onCluster(t, uniqueNamespace(), func(cfg *Config) {
		cfg.TemplateDirs = []string{"builtin:restricted", "builtin:secret-env", platform("tenants")}
	})
	build := script("build", `id -u; echo "$TOKEN"; echo built > out/app; touch /forbidden 2>&1; exit 4`)
	build.Env = map[string]string{"TOKEN": "s3cret: $(HOME)"}
	build.Mounts = orchestra.Mounts{{Name: "out", Path: "out"}}
	c := run(t, d, build)
	end, out := finish(t, c)
	assert.Equal(t, 4, end.exitCode, end.message)
	assert.Equal(t, "65534\ns3cret: $(HOME)\ntouch: /forbidden: Read-only file system\n", out)
	assert.NotContains(t, log.String(), "PodSecurity")

	pod, err := d.look(long(t), c.ref)
	require.NoError(t, err)
	assert.NotContains(t, asText(t, pod), "s3cret", "it is in the Secret alone")
	use := script("use", "cat out/app")
	use.Mounts, use.User = build.Mounts, "1000"
	second := run(t, d, use)
	end, out = finish(t, second)
	assert.Zero(t, end.exitCode, end.message)
	assert.Equal(t, "built\n", out)

	assert.Len(t, left(t, d, secretKind, networkPolicyKind), 2+1+2+1+1, "pods, a claim, their policies, that of the namespace, a Secret")
	require.NoError(t, c.Cleanup(long(t)))
	require.NoError(t, second.Cleanup(long(t)))
	assert.ElementsMatch(t, []string{
		"NetworkPolicy/" + d.namespace + "/no-traffic", "PersistentVolumeClaim/" + d.namespace + "/" + d.templates.ClaimName("out"),
	}, left(t, d, secretKind, networkPolicyKind))
	require.NoError(t, d.Close())
	_, err = d.look(t.Context(), ref{kind: namespaceKind, name: d.namespace})
	assert.True(t, apierrors.IsNotFound(err), "%v", err)
}

// What a tenant may not do is refused at once, and the error says by whom and what to change.
func TestPlatformTenantsRefuses(t *testing.T) {
	d, _ := onCluster(t, uniqueNamespace(), func(cfg *Config) {
		cfg.TemplateDirs = []string{"builtin:restricted", "builtin:secret-env", platform("tenants")}
		cfg.Values["tenant"] = map[string]any{"tasks": 1}
	})
	large := sleeper("large")
	large.ContainerLimits.Memory = 4 << 30
	root := sleeper("root")
	root.User = "root"
	for _, c := range []struct {
		task         orchestra.Task
		reason, want string
	}{
		{large, ReasonAdmissionDenied, "maximum memory usage per Container is 2Gi"},
		{root, ReasonAdmissionDenied, "runAsUser=0"},
	} {
		_, err := d.RunContainer(long(t), c.task)
		var why orchestra.Explainer
		require.ErrorAs(t, err, &why)
		assert.Equal(t, c.reason, why.Reason())
		assert.ErrorContains(t, err, c.want)
	}
	run(t, d, sleeper("first"))
	_, err := d.RunContainer(long(t), sleeper("second"))
	var why orchestra.Explainer
	require.ErrorAs(t, err, &why)
	assert.Equal(t, ReasonQuotaExceeded, why.Reason(), err.Error())
	assert.Len(t, left(t, d, networkPolicyKind), 1+1+1, "a refused task leaves nothing: one pod, its policy, and that of the namespace")
}

func TestPlatformCache(t *testing.T) {
	d, _ := onCluster(t, uniqueNamespace(), func(cfg *Config) { cfg.TemplateDirs = []string{platform("cache")} })
	first := script("first", `echo from first > shared/new; mv shared/new shared/first; until cat shared/second; do sleep 0.2; done 2>/dev/null`)
	second := script("second", `until wget -q -O - "$CACHE_URL/shared/first"; do sleep 0.2; done 2>/dev/null; echo from second > shared/new; mv shared/new shared/second; exit 5`)
	first.Mounts = orchestra.Mounts{{Name: "shared", Path: "shared"}}
	second.Mounts = first.Mounts
	one, two := run(t, d, first), run(t, d, second)
	end, out := finish(t, two)
	assert.Equal(t, 5, end.exitCode, "the sidecar changes nothing about it: %s", end.message)
	assert.Equal(t, "from first\n", out)
	end, out = finish(t, one)
	assert.Zero(t, end.exitCode, end.message)
	assert.Equal(t, "from second\n", out)
	var claim corev1.PersistentVolumeClaim
	readLive(t, d, ref{kind: claimKind, namespace: d.namespace, name: d.templates.ClaimName("shared")}, &claim)
	assert.Equal(t, []corev1.PersistentVolumeAccessMode{corev1.ReadWriteMany}, claim.Status.AccessModes)
	require.NoError(t, one.Cleanup(long(t)))
	require.NoError(t, two.Cleanup(long(t)))
	require.NoError(t, d.Close())
	assert.Empty(t, left(t, d))
}

// Every platform has sandboxes, too.
func TestPlatformSandboxes(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"gpu": onRealNode,
		"tenants": func(cfg *Config) {
			cfg.TemplateDirs = []string{"builtin:restricted", "builtin:secret-env", platform("tenants")}
		},
		"cache": func(cfg *Config) { cfg.TemplateDirs = []string{platform("cache")} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, _ := onCluster(t, uniqueNamespace(), change)
			s, err := d.StartSandbox(long(t), orchestra.Task{ID: "shell", Image: "busybox", Mounts: orchestra.Mounts{{Name: "data", Path: "data"}}})
			require.NoError(t, err)
			var out bytes.Buffer
			end, err := s.Exec(long(t), []string{"sh", "-c", "echo kept > data/file; cat data/file; exit 6"}, nil, "", nil, &out, &out)
			require.NoError(t, err)
			assert.Equal(t, "kept\n", out.String())
			assert.Equal(t, 6, end.ExitCode())
			require.NoError(t, s.Cleanup(long(t)))
			require.NoError(t, d.Close())
			assertNothingLeft(t, d)
		})
	}
}

func asText(t *testing.T, obj *unstructured.Unstructured) string {
	t.Helper()
	text, err := yaml.Marshal(obj.Object)
	require.NoError(t, err)
	return string(text)
}
