package cluster

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/process"
)

func TestStateSurvives(t *testing.T) {
	c := stopped(t)
	c.state.Slot = 7
	c.state.Processes["etcd"] = process.Identity{PID: 42, Start: 1, Boot: "b"}
	require.NoError(t, c.saveState())

	read, err := readState(c.State())
	require.NoError(t, err)
	assert.Equal(t, c.state, read)
	info, err := os.Stat(c.State())
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm(), "it holds a password")
}

func TestSlotsOfOtherClusters(t *testing.T) {
	c := stopped(t)
	c.state.Slot = 7
	require.NoError(t, c.saveState())
	clusters := filepath.Dir(c.Dir)

	taken, err := slotsOfOthers(clusters, filepath.Join(clusters, "another", "state.json"))
	require.NoError(t, err)
	assert.Equal(t, map[int]bool{7: true}, taken)
	taken, err = slotsOfOthers(clusters, c.State())
	require.NoError(t, err)
	assert.Empty(t, taken, "its own is free for it")
}

func TestNoStateAndBrokenStateMeanNothingIsKnown(t *testing.T) {
	c := stopped(t)
	read, err := readState(c.State())
	require.NoError(t, err)
	assert.Nil(t, read)
	for _, broken := range []string{"", "{", "{}", "null", "[]"} {
		require.NoError(t, writeFile(c.State(), []byte(broken)))
		read, err := readState(c.State())
		require.NoError(t, err, broken)
		assert.Nil(t, read, broken)
	}
}

func TestInfoHasWhatOthersRelyOn(t *testing.T) {
	c := stopped(t)
	require.NoError(t, c.issue())
	c.state.Options.SimulatedNodes = 2
	c.state.Password = "secret"
	c.state.Processes["etcd"] = process.Identity{PID: 42}
	require.NoError(t, c.publish())

	content, err := os.ReadFile(c.InfoFile())
	require.NoError(t, err)
	var info map[string]any
	require.NoError(t, json.Unmarshal(content, &info))
	assert.Equal(t, c.Kubeconfig(), info["kubeconfig"])
	assert.Equal(t, "devcluster-test", info["nodeName"])
	assert.Equal(t, []any{"simulated-0", "simulated-1"}, info["simulatedNodes"])
	assert.Equal(t, info["privateRegistry"].(string)+"/private/busybox:latest", info["privateImage"])
	assert.Equal(t, "secret", info["privatePassword"])
	assert.Equal(t, "devcluster", info["privateUsername"])
	assert.Equal(t, map[string]any{}, info["featureGates"])
	assert.Equal(t, c.ContainerdSocket(), info["containerdSocket"])
	assert.Equal(t, map[string]any{"etcd": 42.0}, info["pids"])
	assert.FileExists(t, c.Kubeconfig())
}

func TestInfoWithoutANode(t *testing.T) {
	c := stopped(t)
	c.state.Options.Node = false
	info := c.info()
	assert.Empty(t, info.NodeName)
	assert.Empty(t, info.PrivateImage)
	assert.Empty(t, info.ContainerdSocket)
	assert.NotNil(t, info.SimulatedNodes, "a list in JSON, not null")
}
