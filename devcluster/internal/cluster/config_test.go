package cluster

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/build"
	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/layout"
	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/process"
	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/progress"
)

// stopped returns a cluster that has a state and a folder, and does not run.
func stopped(t *testing.T) *Cluster {
	t.Helper()
	t.Setenv("XDG_CACHE_HOME", shortTempDir(t))
	t.Setenv("HOME", os.Getenv("XDG_CACHE_HOME"))
	l, err := layout.For("test")
	require.NoError(t, err)
	c := New(l, build.Module{}, progress.New(os.Stderr))
	c.state = &state{Options: defaults(), Processes: map[string]process.Identity{}}
	return c
}

// shortTempDir is short enough for sockets, unlike t.TempDir.
func shortTempDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "dc")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, os.RemoveAll(dir)) })
	return dir
}

func TestMerge(t *testing.T) {
	base := map[string]any{"a": 1, "b": map[string]any{"c": 2, "d": 3}, "e": []any{1}}
	over := map[string]any{"b": map[string]any{"c": 4}, "e": []any{}, "f": 5}
	assert.Equal(t,
		map[string]any{"a": 1, "b": map[string]any{"c": 4, "d": 3}, "e": []any{}, "f": 5},
		merge(base, over))
	assert.Equal(t, map[string]any{"c": 2, "d": 3}, base["b"], "the base is left alone")
}

func TestKubeletConfiguration(t *testing.T) {
	c := stopped(t)
	c.state.Options.FeatureGates = map[string]bool{"PodLogsQuerySplitStreams": true}
	c.state.Options.KubeletConfig = "containerLogMaxSize: 40Ki\nauthentication: {anonymous: {enabled: true}}\n"
	require.NoError(t, c.configureKubelet())

	content, err := os.ReadFile(c.Path("kubelet.yaml"))
	require.NoError(t, err)
	var config map[string]any
	require.NoError(t, yaml.Unmarshal(content, &config))
	assert.Equal(t, "40Ki", config["containerLogMaxSize"], "the user's own")
	assert.Equal(t, "/"+c.Cgroup(), config["cgroupRoot"], "the cluster's")
	assert.Equal(t, "cgroupfs", config["cgroupDriver"], "the default")
	assert.Equal(t, map[string]any{"PodLogsQuerySplitStreams": true}, config["featureGates"])
	authentication, ok := config["authentication"].(map[string]any)
	require.True(t, ok)
	assert.Equal(t, map[string]any{"enabled": true}, authentication["anonymous"], "the user's over the default")
	assert.Contains(t, authentication, "x509", "and beside the cluster's")
}

func TestKubeletConfigurationThatIsNoYAML(t *testing.T) {
	c := stopped(t)
	c.state.Options.KubeletConfig = "{"
	assert.ErrorContains(t, c.configureKubelet(), "that was given")
}

func TestGatesReachTheAPIServer(t *testing.T) {
	c := stopped(t)
	c.state.Options.FeatureGates = map[string]bool{"A": true, "B": false}
	assert.Contains(t, c.apiserver().args, "--feature-gates=A=true,B=false")
}

func TestComponentsFollowTheOptions(t *testing.T) {
	c := stopped(t)
	names := func() []string {
		var names []string
		for _, comp := range c.components() {
			names = append(names, comp.name)
		}
		return names
	}
	control := []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"}
	c.state.Options = Options{}
	assert.Equal(t, control, names())
	c.state.Options = Options{Node: true}
	assert.Equal(t, append(control, "registry", "volumes", "containerd", "kubelet"), names())
	c.state.Options = Options{SimulatedNodes: 1}
	assert.Equal(t, append(control, "kwok"), names())

	_, err := c.component("kubelet")
	assert.ErrorContains(t, err, `component "kubelet"`)
}

func TestCertificatesOfEveryComponent(t *testing.T) {
	c := stopped(t)
	require.NoError(t, c.issue())
	for _, name := range []string{"admin", "controller-manager", "scheduler", "kubelet", "kwok"} {
		info, err := os.Stat(c.PKI(name + ".kubeconfig"))
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o600), info.Mode().Perm(), name)
	}
	for _, comp := range c.components() {
		assert.NotEmpty(t, comp.args, comp.name)
	}
	_, err := c.client(c.server())
	assert.NoError(t, err)
}
