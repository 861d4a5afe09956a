package orchestra_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/orchestra-ci/orchestra-k8s/driver"
	"github.com/orchestra-ci/orchestra-k8s/internal/faultproxy"
	"github.com/orchestra-ci/orchestra-k8s/internal/testcluster"
	"github.com/orchestra-ci/orchestra-k8s/orchestra"
	"github.com/orchestra-ci/orchestra-k8s/orchestra/orchestratest"
)

// seedVariable picks the faults: a number, or "random". Unset, it is always the same number, so that a change is judged by itself.
const seedVariable = "ORCHESTRA_FAULT_SEED"

// TestDriversUnderFaults holds the driver against the whole contract while about every third request to the API server is spoiled.
func TestDriversUnderFaults(t *testing.T) {
	config, err := clientcmd.BuildConfigFromFlags("", testcluster.Kubeconfig(t))
	require.NoError(t, err)
	seed := faultSeed(t)
	t.Logf("the seed of the faults is %d: %s=%d repeats them", seed, seedVariable, seed)
	var drivers ordinals
	left := watchLeftovers(t, config)
	orchestratest.Run(t, func(t *testing.T, namespace string) orchestra.Driver {
		left.of(namespace)
		plan := faultproxy.Seeded(seed, fmt.Sprintf("%s %d", t.Name(), drivers.next(t.Name())))
		proxy := faultproxy.Start(t, config, plan)
		t.Cleanup(func() { t.Logf("faults with seed %d: %v", seed, proxy.Faults()) })
		d, err := driver.New(t.Context(), driver.Config{
			Namespace: namespace, RESTConfig: proxy.Config(),
			Values: map[string]any{"terminationGracePeriodSeconds": 1},
		}, testLogger(t))
		require.NoError(t, err)
		return d
	})
}

func faultSeed(t *testing.T) uint64 {
	switch given := os.Getenv(seedVariable); given {
	case "":
		return 1
	case "random":
		return rand.Uint64()
	default:
		seed, err := strconv.ParseUint(given, 10, 64)
		require.NoError(t, err, "reading $%s", seedVariable)
		return seed
	}
}

// ordinals number the drivers of each rule.
type ordinals struct {
	mu   sync.Mutex
	last map[string]int
}

func (o *ordinals) next(rule string) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.last == nil {
		o.last = map[string]int{}
	}
	o.last[rule]++
	return o.last[rule]
}
