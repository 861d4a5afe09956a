package driver

import (
	"net/http"
	"path"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/orchestra-ci/orchestra-k8s/internal/testcluster"
	"github.com/orchestra-ci/orchestra-k8s/orchestra"
	"github.com/orchestra-ci/orchestra-k8s/render"
)

// policy is an extra object of a kind that the built-in templates do not make.
var policy = map[string]string{"policy.yaml": `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
spec:
  podSelector:
    matchLabels: {orchestra.task: {{ index .Labels "orchestra.task" | toJson }}}
`}

// withExtras are layers that give a task a Secret and a NetworkPolicy.
func withExtras(t *testing.T, layers ...string) []string {
	t.Helper()
	cfg := Config{TemplateDirs: append([]string{"builtin:secret-env"}, layers...)}
	withTemplates(t, policy)(&cfg)
	return cfg.TemplateDirs
}

// made are the live extra objects of a task.
func made(t *testing.T, d *Driver) []*unstructured.Unstructured {
	t.Helper()
	secrets, err := d.list(t.Context(), secretKind, d.selector(), func(*unstructured.Unstructured) bool { return true })
	require.NoError(t, err)
	policies, err := d.list(t.Context(), networkPolicyKind, d.selector(), func(*unstructured.Unstructured) bool { return true })
	require.NoError(t, err)
	return append(secrets, policies...)
}

// applies notes the kinds of objects in the order in which they are applied.
func applies(kinds *[]string) func(*Config) {
	var mu sync.Mutex
	return withFaults(func(req *http.Request) fault {
		mu.Lock()
		defer mu.Unlock()
		if req.Method == http.MethodPatch {
			*kinds = append(*kinds, path.Base(path.Dir(req.URL.Path)))
		}
		return nil
	})
}

func TestClusterExtrasComeFirstAndAreOwned(t *testing.T) {
	var applied []string
	d, _ := onCluster(t, uniqueNamespace(), func(cfg *Config) { cfg.TemplateDirs = withExtras(t); applies(&applied)(cfg) })
	task := sleeper("one")
	task.Env = map[string]string{"A": "b"}
	task.Mounts = orchestra.Mounts{{Name: "data", Path: "data"}}
	c := run(t, d, task)
	assert.Equal(t, []string{"persistentvolumeclaims", "secrets", "networkpolicies", "pods"}, applied)
	pod, err := d.look(t.Context(), c.ref)
	require.NoError(t, err)
	extras := made(t, d)
	require.Len(t, extras, 2)
	for _, extra := range extras {
		assert.Equal(t, render.ManagedBy, extra.GetLabels()[render.LabelManagedBy])
		assert.Equal(t, pod.GetLabels()[render.KeyTask], extra.GetLabels()[render.KeyTask])
		assert.Equal(t, d.cfg.Namespace, extra.GetAnnotations()[render.KeyNamespace])
		assert.Equal(t, "one", extra.GetAnnotations()[render.KeyTask])
	}
	require.NoError(t, c.Cleanup(long(t)))
	assert.Empty(t, made(t, d))
}

// killed runs a sleeping task with extras in another process, and kills that process while the task runs.
func killed(t *testing.T, watcher *Driver, layers []string) *container {
	t.Helper()
	task := sleeper("of the dead")
	task.Env = map[string]string{"A": "b"}
	task.Mounts = orchestra.Mounts{{Name: "data", Path: "data"}}
	process, _, stderr := life{Kubeconfig: testcluster.Kubeconfig(t), Namespace: watcher.cfg.Namespace, Templates: layers, Task: task}.process(t)
	require.NoError(t, process.Start())
	var c orchestra.Container
	made := assert.Eventually(t, func() (found bool) {
		var err error
		c, err = watcher.GetContainer(t.Context(), watcher.templates.WorkloadName(task.ID))
		return err == nil
	}, clusterTimeout, 100*time.Millisecond)
	require.NoError(t, process.Process.Kill())
	assert.ErrorContains(t, process.Wait(), "killed")
	require.True(t, made, "%s", stderr)
	return c.(*container)
}

// What a dead process has made is removed by one that knows nothing of its templates.
func TestClusterExtrasOfADeadProcessGo(t *testing.T) {
	for name, remove := range map[string]func(d *Driver, c *container) error{
		"Cleanup": func(_ *Driver, c *container) error { return c.Cleanup(long(t)) },
		"Close":   func(d *Driver, _ *container) error { return d.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			d, _ := onCluster(t, uniqueNamespace(), nil)
			c := killed(t, d, withExtras(t))
			require.Len(t, made(t, d), 2)
			require.NoError(t, remove(d, c))
			assert.Empty(t, made(t, d))
			if name == "Close" {
				assertNothingLeft(t, d)
			}
		})
	}
	t.Run("Sweep", func(t *testing.T) {
		namespace := uniqueNamespace()
		d, _ := onCluster(t, namespace, nil)
		killed(t, d, withExtras(t))
		require.Len(t, made(t, d), 2)
		d.shut() // it has the dead one's container, and would spare what it uses itself
		sweeper, _ := onCluster(t, namespace, nil)
		later(sweeper, time.Hour)
		removed, err := sweeper.Sweep(long(t), 30*time.Minute)
		require.NoError(t, err)
		assert.Len(t, removed, 4, "a pod, a claim, a Secret and a NetworkPolicy")
		assertNothingLeft(t, sweeper)
	})
	t.Run("Close of a namespace of its own", func(t *testing.T) {
		layers := withExtras(t, "builtin:dedicated-namespace")
		d, _ := onCluster(t, uniqueNamespace(), func(cfg *Config) { cfg.TemplateDirs = layers })
		killed(t, d, layers)
		require.NoError(t, d.Close())
		assertNothingLeft(t, d)
	})
}
