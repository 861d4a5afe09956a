package driver

import (
	"net/http"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/orchestra-ci/orchestra-k8s/internal/testcluster"
	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

const idleTasks = 5000

// BenchmarkIdleTasks prints what 5,000 tasks that run on a simulated node cost a driver that holds them all: memory, goroutines and
// open watches; and beside it what the pods themselves take.
func BenchmarkIdleTasks(b *testing.B) {
	config, err := clientcmd.BuildConfigFromFlags("", testcluster.Simulated(b))
	require.NoError(b, err)
	var watches atomic.Int64
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return watchCounter{next, &watches} })
	for b.Loop() {
		d := simulatedDriver(b, config, nil)
		goroutines, before := runtime.NumGoroutine(), heapInUse()
		containers := make([]orchestra.Container, idleTasks)
		inParallel(idleTasks, func(i int) {
			c, err := d.RunContainer(b.Context(), benchTask(i))
			require.NoError(b, err)
			containers[i] = c
		})
		inParallel(idleTasks, func(i int) {
			uid := containers[i].(*container).uid
			_, err := d.watch.wait(b.Context(), uid, func(r record) bool { return r.stage == stageRunning })
			require.NoError(b, err)
		})
		kept := float64(heapInUse()-before) / idleTasks
		b.ReportMetric(kept, "B/task")
		b.ReportMetric(float64(runtime.NumGoroutine()-goroutines), "goroutines")
		b.ReportMetric(float64(watches.Load()), "watches")
		cached := objectMemory(b, d)
		b.ReportMetric(cached, "B/pod")
		b.ReportMetric(kept/cached, "ratio")
		runtime.KeepAlive(containers)
		require.NoError(b, d.Close())
		d.disconnect()
	}
}

// objectMemory is what the driver's pods themselves take, decoded, as a cache of client-go keeps them.
func objectMemory(b *testing.B, d *Driver) float64 {
	before := heapInUse()
	pods, err := d.typed.CoreV1().Pods(d.namespace).List(b.Context(), metav1.ListOptions{LabelSelector: d.selector()})
	require.NoError(b, err)
	require.Len(b, pods.Items, idleTasks)
	kept := float64(heapInUse()-before) / idleTasks
	runtime.KeepAlive(pods)
	return kept
}

type watchCounter struct {
	next  http.RoundTripper
	count *atomic.Int64
}

func (c watchCounter) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Query().Get("watch") != "" {
		c.count.Add(1)
	}
	return c.next.RoundTrip(req)
}

func (c watchCounter) WrappedRoundTripper() http.RoundTripper { return c.next }
