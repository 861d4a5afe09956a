package driver

import (
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"

	"github.com/orchestra-ci/orchestra-k8s/internal/testcluster"
)

// uniqueNamespace is an Orchestra namespace that no other test has, nor has had.
func uniqueNamespace() string { return "test-" + strings.ToLower(rand.Text()[:10]) }

// clusterConfig leads to the test cluster.
func clusterConfig(t testing.TB) *rest.Config {
	t.Helper()
	connection, err := connect(Config{Kubeconfig: testcluster.Kubeconfig(t)}, environment{})
	require.NoError(t, err)
	return connection.rest
}

// onCluster opens a driver on the test cluster. When the test ends everything of its namespace is removed.
func onCluster(t *testing.T, namespace string, change func(*Config)) (*Driver, *logBuffer) {
	t.Helper()
	cfg := Config{Namespace: namespace, RESTConfig: clusterConfig(t), DeletionTimeout: 5 * time.Minute, Values: map[string]any{"terminationGracePeriodSeconds": 1}}
	if change != nil {
		change(&cfg)
	}
	log := &logBuffer{}
	d, err := New(t.Context(), cfg, newTextLogger(log))
	require.NoError(t, err)
	t.Cleanup(func() {
		assert.NoError(t, d.Close())
		d.disconnect() // tests look at the cluster after Close, too
	})
	return d, log
}

// left lists what the cluster has of a namespace.
func left(t *testing.T, d *Driver, kinds ...schema.GroupVersionKind) []string {
	t.Helper()
	var names []string
	for _, kind := range append(kinds, podKind, jobKind, claimKind) {
		found, err := d.list(t.Context(), kind, d.selector(), func(*unstructured.Unstructured) bool { return true })
		require.NoError(t, err)
		for _, obj := range found {
			names = append(names, refOf(obj).String())
		}
	}
	return names
}
