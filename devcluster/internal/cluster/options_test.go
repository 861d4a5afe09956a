package cluster

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestARequestForNothingKeepsWhatRuns(t *testing.T) {
	running := Options{SimulatedNodes: 3, FeatureGates: map[string]bool{"A": true}, KubeletConfig: "x: y"}
	assert.Equal(t, running, Request{}.over(running))
	assert.Empty(t, running.restartReasons(Request{}.over(running)))
}

func TestSimulatedNodesAreOnlyAdded(t *testing.T) {
	running := Options{SimulatedNodes: 3}
	assert.Equal(t, 3, Request{SimulatedNodes: new(1)}.over(running).SimulatedNodes)
	more := Request{SimulatedNodes: new(5)}.over(running)
	assert.Equal(t, 5, more.SimulatedNodes)
	assert.Empty(t, running.restartReasons(more), "adding needs no restart")
}

func TestWhatNeedsARestart(t *testing.T) {
	running := defaults()
	for name, request := range map[string]Request{
		"a real node":     {Node: new(false)},
		"feature gates":   {FeatureGates: map[string]bool{"A": true}},
		"another kubelet": {KubeletConfig: new("maxPods: 1")},
	} {
		reasons := running.restartReasons(request.over(running))
		require.Len(t, reasons, 1, name)
		assert.Contains(t, reasons[0], name)
	}
}

func TestGatesCanBeTakenBack(t *testing.T) {
	running := Options{FeatureGates: map[string]bool{"A": true}}
	none, err := ParseGates("")
	require.NoError(t, err)
	assert.Empty(t, Request{FeatureGates: none}.over(running).FeatureGates)
}

func TestParseGates(t *testing.T) {
	parsed, err := ParseGates("B=false, A=true,")
	require.NoError(t, err)
	assert.Equal(t, map[string]bool{"A": true, "B": false}, parsed)
	assert.Equal(t, "A=true,B=false", gates(parsed))

	for _, bad := range []string{"A", "A=maybe", "=true", "A=true,B"} {
		_, err := ParseGates(bad)
		assert.ErrorContains(t, err, "must be NAME=true or NAME=false", bad)
	}
}
