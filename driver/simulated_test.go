package driver

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/orchestra-ci/orchestra-k8s/internal/testcluster"
	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

// completing is the label of pods that the simulated nodes complete by themselves; others run for ever.
var completing = map[string]any{"devcluster/complete": "true"}

// simulatedConfig leads tasks, with labels, to the simulated nodes of the development cluster, in an Orchestra namespace of its own.
func simulatedConfig(config *rest.Config, labels map[string]any) Config {
	return Config{
		Namespace:  uniqueNamespace(),
		RESTConfig: config,

		DeletionTimeout: 10 * time.Minute, // of thousands of pods, on a small machine

		Values: map[string]any{
			"nodeSelector": map[string]any{"type": "kwok"},
			"tolerations":  []any{map[string]any{"key": "kwok.x-k8s.io/node", "operator": "Exists"}},
			"labels":       labels,

			"terminationGracePeriodSeconds": 0, // a pod goes with its deletion, without kwok
		},
	}
}

// simulatedDriver is a driver with that configuration, whose watch is there.
func simulatedDriver(t testing.TB, config *rest.Config, labels map[string]any) *Driver {
	t.Helper()
	d, err := New(t.Context(), simulatedConfig(config, labels), nil)
	require.NoError(t, err)
	require.NoError(t, d.watch.start(t.Context()))
	return d
}

// TestSimulatedNodes needs no node that runs anything: tasks of many are launched, waited for and removed.
func TestSimulatedNodes(t *testing.T) {
	config, err := clientcmd.BuildConfigFromFlags("", testcluster.Simulated(t))
	require.NoError(t, err)
	d := simulatedDriver(t, config, completing)
	containers := make([]orchestra.Container, 20)
	inParallel(len(containers), func(i int) {
		var err error
		containers[i], err = d.RunContainer(t.Context(), benchTask(i))
		assert.NoError(t, err)
	})
	require.False(t, t.Failed())
	for _, c := range containers {
		status, err := c.(orchestra.Waiter).Wait(t.Context())
		require.NoError(t, err)
		assert.True(t, status.IsDone())
		assert.Zero(t, status.ExitCode(), status.(orchestra.Explainer).Message())
	}
	require.NoError(t, containers[0].Cleanup(t.Context()))
	_, err = d.GetContainer(t.Context(), containers[0].ID())
	require.ErrorIs(t, err, orchestra.ErrContainerNotFound)
	typed := d.typed
	require.NoError(t, d.Close())
	left, err := typed.CoreV1().Pods(d.namespace).List(t.Context(), metav1.ListOptions{LabelSelector: d.selector()})
	require.NoError(t, err)
	assert.Empty(t, left.Items)
	d.disconnect()
}
