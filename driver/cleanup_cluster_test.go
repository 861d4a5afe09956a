package driver

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

var configMapKind = schema.GroupVersionKind{Version: "v1", Kind: "ConfigMap"}

// long bounds the waits on a cluster whose node is busy.
func long(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func TestClusterCleanupLeavesNothing(t *testing.T) {
	for name, layers := range map[string][]string{"Pod": nil, "Job": {"builtin:job"}} {
		t.Run(name, func(t *testing.T) {
			namespace := uniqueNamespace()
			extra := withTemplates(t, map[string]string{"config.yaml": configMap})
			with := func(cfg *Config) { cfg.TemplateDirs = layers; extra(cfg) }
			d, _ := onCluster(t, namespace, with)
			mounted := sleeper("one")
			mounted.Mounts = orchestra.Mounts{{Name: "data", Path: "data"}}
			c := run(t, d, mounted)
			assert.Equal(t, name, c.kind)
			require.NoError(t, d.watch.start(long(t)))
			_, err := d.watch.wait(long(t), c.uid, func(r record) bool { return r.stage == stageRunning })
			require.NoError(t, err)

			second, _ := onCluster(t, namespace, nil) // another process, with other templates
			found, err := second.GetContainer(long(t), c.ID())
			require.NoError(t, err)
			require.NoError(t, found.Cleanup(long(t)))
			require.NoError(t, c.Cleanup(long(t)))
			_, err = d.GetContainer(long(t), c.ID())
			require.ErrorIs(t, err, orchestra.ErrContainerNotFound)
			assert.Equal(t, []string{"PersistentVolumeClaim/" + d.namespace + "/" + d.templates.ClaimName("data")}, left(t, d, configMapKind))

			v, err := d.CreateVolume(long(t), "data", 0)
			require.NoError(t, err)
			require.NoError(t, v.Cleanup(long(t)))
			require.NoError(t, v.Cleanup(long(t)))
			assert.Empty(t, left(t, d, configMapKind))
		})
	}
}

func TestClusterCloseLeavesNothingAndSparesOthers(t *testing.T) {
	namespace := uniqueNamespace()
	extra := withTemplates(t, map[string]string{"config.yaml": configMap})
	jobs := func(cfg *Config) { cfg.TemplateDirs = []string{"builtin:job"}; extra(cfg) }
	d, _ := onCluster(t, namespace, nil)
	dead, _ := onCluster(t, namespace, jobs)
	stranger, _ := onCluster(t, uniqueNamespace(), jobs)
	for i := range 3 {
		mounted := sleeper(fmt.Sprintf("task-%d", i))
		mounted.Mounts = orchestra.Mounts{{Name: "data", Path: "data"}}
		run(t, []*Driver{d, dead}[i%2], mounted)
		run(t, stranger, mounted)
	}
	before := left(t, stranger, configMapKind)
	require.NoError(t, d.Close())
	assert.Empty(t, left(t, d, configMapKind))
	assert.Subset(t, left(t, stranger, configMapKind), before)
	require.NoError(t, d.Close())
	require.NoError(t, dead.Close(), "there is nothing left for the second process")
}

func TestClusterCloseSaysWhatIsLeftAndWhy(t *testing.T) {
	d, _ := onCluster(t, uniqueNamespace(), func(cfg *Config) { cfg.DeletionTimeout = 2 * time.Second })
	c := run(t, d, sleeper("held"))
	finalizers := func(list string) error {
		return d.merge(long(t), c.ref, []byte(`{"metadata": {"finalizers": `+list+`}}`))
	}
	require.NoError(t, finalizers(`["example.com/held"]`))
	t.Cleanup(func() {
		if t.Failed() {
			_ = finalizers("null")
		}
	})
	err := d.Close()
	require.ErrorIs(t, err, errDeletionTimeout)
	require.ErrorContains(t, err, c.ref.String()+" (to be deleted by ")
	require.ErrorContains(t, err, "finalizers example.com/held")
	_, err = d.RunContainer(long(t), sleeper("more"))
	require.ErrorIs(t, err, ErrClosed)

	require.NoError(t, finalizers("null"))
	d.cfg.DeletionTimeout = 2 * time.Minute
	require.NoError(t, d.Close())
	assertNothingLeft(t, d)
}

// Whoever closes first, the others find their work done.
func TestClusterManyMayCloseAtTheSameTime(t *testing.T) {
	for name, layers := range map[string][]string{"default": nil, "dedicated namespace": {"builtin:dedicated-namespace"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			namespace := uniqueNamespace()
			drivers := make([]*Driver, 3)
			for i := range drivers {
				drivers[i], _ = onCluster(t, namespace, func(cfg *Config) { cfg.TemplateDirs = withExtras(t, layers...) })
				mounted := sleeper(fmt.Sprintf("task-%d", i))
				mounted.Env = map[string]string{"A": "b"}
				mounted.Mounts = orchestra.Mounts{{Name: "data", Path: "data"}}
				run(t, drivers[i], mounted)
			}
			inParallel(len(drivers), func(i int) { assert.NoError(t, drivers[i].Close()) })
			assertNothingLeft(t, drivers[0])
		})
	}
}

// The grace period of the values is the task's, to end in its own way, and Cleanup waits for that.
func TestClusterCleanupLetsTheTaskEnd(t *testing.T) {
	d, _ := onCluster(t, uniqueNamespace(), func(cfg *Config) { cfg.Values["terminationGracePeriodSeconds"] = 240 })
	c := run(t, d, using("data", "trap 'sleep 2; echo saved >data/state; exit' TERM; echo ready; sleep 3600 & wait"))
	ctx := long(t)
	output, log := io.Pipe()
	go func() { _ = log.CloseWithError(c.Logs(ctx, log, nil, true)) }()
	line, err := bufio.NewReader(output).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "ready\n", line)
	require.NoError(t, c.Cleanup(ctx))
	_, saved := finish(t, run(t, d, using("data", "cat data/state")))
	assert.Equal(t, "saved\n", saved)
}

func TestClusterDedicatedNamespaceIsMadeAndRemoved(t *testing.T) {
	namespace := uniqueNamespace()
	dedicated := func(cfg *Config) { cfg.TemplateDirs = []string{"builtin:dedicated-namespace"} }
	d, _ := onCluster(t, namespace, dedicated)
	run(t, d, sleeper("one"))
	run(t, d, sleeper("two"))
	require.NoError(t, d.Close())
	_, err := d.look(t.Context(), ref{kind: namespaceKind, name: d.namespace})
	require.Error(t, err, "the Kubernetes namespace is gone")
	again, _ := onCluster(t, namespace, dedicated)
	run(t, again, sleeper("one"))
}

func TestClusterVolumeInUseSaysWhatHoldsIt(t *testing.T) {
	d, _ := onCluster(t, uniqueNamespace(), func(cfg *Config) { cfg.DeletionTimeout = 5 * time.Second })
	mounted := sleeper("one")
	mounted.Mounts = orchestra.Mounts{{Name: "data", Path: "data"}}
	c := run(t, d, mounted)
	require.NoError(t, d.watch.start(long(t)))
	_, err := d.watch.wait(long(t), c.uid, func(r record) bool { return r.node != "" })
	require.NoError(t, err)
	v, err := d.CreateVolume(long(t), "data", 0)
	require.NoError(t, err)
	err = v.Cleanup(long(t))
	require.ErrorIs(t, err, errDeletionTimeout)
	require.ErrorContains(t, err, "kubernetes.io/pvc-protection")
	d.cfg.DeletionTimeout = 2 * time.Minute
	require.NoError(t, c.Cleanup(long(t)))
	require.NoError(t, v.Cleanup(long(t)))
}

// storm spoils a third of all writes, in every way that a network can.
func storm(seed uint64) func(*http.Request) fault {
	random := rand.New(rand.NewPCG(seed, seed))
	var mu sync.Mutex
	ways := []fault{
		loseAnswer,
		func(http.RoundTripper, *http.Request) (*http.Response, error) { return nil, syscall.ECONNRESET },
		answerWith(http.StatusInternalServerError, nil, `{"kind":"Status","code":500,"reason":"InternalError"}`),
		answerWith(http.StatusTooManyRequests, http.Header{"Retry-After": {"0"}}, `{"kind":"Status","code":429,"reason":"TooManyRequests"}`),
	}
	return func(req *http.Request) fault {
		mu.Lock()
		defer mu.Unlock()
		if isStream(req) || strings.HasPrefix(req.URL.Path, "/version") || random.IntN(3) > 0 {
			return nil
		}
		return ways[random.IntN(len(ways))]
	}
}

func TestClusterFaultsCauseNeitherDoublesNorLeftovers(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			extra := withTemplates(t, map[string]string{"config.yaml": configMap})
			d, _ := onCluster(t, uniqueNamespace(), func(cfg *Config) { extra(cfg); withFaults(storm(seed))(cfg) })
			d.retry.first, d.retry.last = time.Millisecond, 100*time.Millisecond
			var wg sync.WaitGroup
			for i := range 10 {
				wg.Go(func() {
					mounted := sleeper(fmt.Sprint(i % 5)) // two callers for each task
					mounted.Mounts = orchestra.Mounts{{Name: "data", Path: "data"}}
					_, err := d.RunContainer(long(t), mounted)
					assert.NoError(t, err)
				})
			}
			wg.Wait()
			assert.Len(t, left(t, d, configMapKind), 5+5+1, "pods, their config maps, and one claim")
			require.NoError(t, d.Close())
			assert.Empty(t, left(t, d, configMapKind))
		})
	}
}
