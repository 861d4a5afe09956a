package driver

import (
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/orchestra-ci/orchestra-k8s/internal/faultproxy"
	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

// blindfold keeps a driver from seeing anything of the cluster. When it is taken off, the next watch may be told that the version from which it
// would go on is forgotten. A cluster that has just been made has forgotten nothing yet, so this is not left to it.
type blindfold struct {
	proxy   *faultproxy.Proxy
	on      atomic.Bool
	forget  atomic.Bool
	forgone atomic.Int64 // watches that were told so
	lists   atomic.Int64 // of pods
}

func newBlindfold(t *testing.T) *blindfold {
	b := &blindfold{}
	b.proxy = faultproxy.Start(t, clusterConfig(t), b.plan)
	return b
}

func (b *blindfold) plan(r *http.Request) faultproxy.Fault {
	switch {
	case b.on.Load():
		return faultproxy.Break
	case r.URL.Query().Get("limit") != "":
		b.lists.Add(1)
	case faultproxy.Kind(r) == "WATCH pods" && b.forget.CompareAndSwap(true, false):
		b.forgone.Add(1)
		return faultproxy.Expire
	}
	return faultproxy.Pass
}

// putOn also breaks the watch that is open.
func (b *blindfold) putOn() {
	b.on.Store(true)
	b.proxy.Reset()
}

func (b *blindfold) takeOff(forget bool) {
	b.forget.Store(forget)
	b.on.Store(false)
}

// vanish removes the container's pod at once, as kubectl delete --force does, which asks no node.
func vanish(t *testing.T, d *Driver, c *container) {
	t.Helper()
	now := int64(0)
	options := metav1.DeleteOptions{GracePeriodSeconds: &now, Preconditions: metav1.NewUIDPreconditions(string(c.uid))}
	require.NoError(t, d.typed.CoreV1().Pods(d.namespace).Delete(t.Context(), c.ID(), options))
}

// ends waits for the container's end.
func ends(t *testing.T, c *container) status {
	t.Helper()
	end, err := c.Wait(long(t))
	require.NoError(t, err)
	require.True(t, end.IsDone())
	return end.(status)
}

// A pod vanishes while its driver sees nothing, and another process runs the task anew, which is a success. The driver learns of the end of its own
// pod, and neither takes the other one for it nor removes it.
func TestClusterPodThatVanishesUnseenIsNoSuccess(t *testing.T) {
	for name, forgets := range map[string]bool{"told by the watch": false, "missing in a new list, after 410": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			namespace, b := uniqueNamespace(), newBlindfold(t)
			d, _ := onCluster(t, namespace, func(cfg *Config) { cfg.RESTConfig = b.proxy.Config() })
			other, _ := onCluster(t, namespace, nil)
			old := run(t, d, sleeper("one"))
			require.NoError(t, old.awaitRunning(long(t)))
			lists := b.lists.Load()

			b.putOn()
			vanish(t, other, old)
			namesake := run(t, other, task("one"))
			require.Equal(t, old.ID(), namesake.ID())
			require.Equal(t, ReasonCompleted, ends(t, namesake).Reason())
			b.takeOff(forgets)

			end := ends(t, old)
			assert.Equal(t, ReasonDeleted, end.Reason(), end.Message())
			assert.Equal(t, exitNone, end.ExitCode())
			if forgets {
				assert.EqualValues(t, 1, b.forgone.Load())
				assert.Greater(t, b.lists.Load(), lists, "the API server has said 410")
			} else {
				assert.Equal(t, lists, b.lists.Load(), "the watch goes on from where it was")
			}

			require.NoError(t, old.Cleanup(long(t)))
			found, err := other.GetContainer(long(t), namesake.ID())
			require.NoError(t, err)
			assert.Equal(t, namesake.uid, found.(*container).uid)
			again := run(t, d, task("one"))
			assert.Equal(t, namesake.uid, again.uid)
			assert.Equal(t, ReasonCompleted, ends(t, again).Reason())
		})
	}
}

// The last state that was seen counts, also when the object is gone.
func TestClusterEndIsKnownAfterThePodHasVanished(t *testing.T) {
	for name, c := range map[string]struct {
		task   orchestra.Task
		reason string
		code   int
	}{
		"running":   {sleeper("one"), ReasonDeleted, exitNone},
		"completed": {task("one"), ReasonCompleted, 0},
		"failed":    {script("one", "exit 7"), ReasonError, 7},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, _ := onCluster(t, uniqueNamespace(), nil)
			vanished := run(t, d, c.task)
			if c.reason == ReasonDeleted {
				require.NoError(t, vanished.awaitRunning(long(t)))
			} else {
				ends(t, vanished)
			}
			vanish(t, d, vanished)
			require.NoError(t, d.watch.waitGone(long(t), vanished.uid))
			last, err := vanished.Status(long(t))
			require.NoError(t, err)
			assert.Equal(t, c.reason, last.(status).Reason(), last.(status).Message())
			assert.Equal(t, c.code, last.ExitCode())
			require.NoError(t, vanished.Cleanup(long(t)))
		})
	}
}
