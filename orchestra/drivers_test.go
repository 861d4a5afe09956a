package orchestra_test

import (
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/orchestra-ci/orchestra-k8s/driver"
	"github.com/orchestra-ci/orchestra-k8s/internal/memdriver"
	"github.com/orchestra-ci/orchestra-k8s/internal/testcluster"
	"github.com/orchestra-ci/orchestra-k8s/orchestra"
	"github.com/orchestra-ci/orchestra-k8s/orchestra/orchestratest"
)

func TestMain(m *testing.M) {
	testcluster.Parallel()
	goleak.VerifyTestMain(m)
}

// TestDrivers holds every driver against the contract.
func TestDrivers(t *testing.T) {
	t.Run("memory", func(t *testing.T) {
		orchestratest.Run(t, func(t *testing.T, namespace string) orchestra.Driver {
			return memdriver.New(namespace, testLogger(t))
		})
	})
	t.Run("k8s", func(t *testing.T) {
		kubeconfig := testcluster.Kubeconfig(t)
		config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
		require.NoError(t, err)
		left := watchLeftovers(t, config)
		orchestratest.Run(t, func(t *testing.T, namespace string) orchestra.Driver {
			left.of(namespace)
			d, err := driver.New(t.Context(), driver.Config{
				Namespace: namespace, Kubeconfig: kubeconfig,
				Values: map[string]any{"terminationGracePeriodSeconds": 1}, // a shell that sleeps does not hear SIGTERM
			}, testLogger(t))
			require.NoError(t, err)
			return d
		})
	})
}

func testLogger(t *testing.T) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
}
