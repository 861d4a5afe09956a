package driver

import (
	"io"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/orchestra-ci/orchestra-k8s/internal/testcluster"
	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

const idleTasks = 5000

// BenchmarkIdleTasks prints what 5,000 tasks that run on simulated nodes cost a driver that holds them all: memory, goroutines and open watches,
// beside what the pods themselves take in a cache; and, while all of them are there, how long after a change of one its waiter has it, beside a plain
// watch of that pod.
func BenchmarkIdleTasks(b *testing.B) {
	config, err := clientcmd.BuildConfigFromFlags("", testcluster.Simulated(b))
	require.NoError(b, err)
	var watches atomic.Int64
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return watchCounter{next, &watches} })
	for b.Loop() {
		d := simulatedDriver(b, config, nil)
		goroutines, before := runtime.NumGoroutine(), heapInUse()
		containers := runIdle(b, d, idleTasks)
		kept := float64(heapInUse()-before) / idleTasks
		b.ReportMetric(kept, "B/task")
		b.ReportMetric(float64(runtime.NumGoroutine()-goroutines), "goroutines")
		b.ReportMetric(float64(watches.Load()), "open-watches")
		b.ReportMetric(kept/objectMemory(b, d), "B-x-cached-pod")
		reportLatency(b, d, containers[:endings])
		runtime.KeepAlive(containers)
		require.NoError(b, d.Close())
		d.disconnect()
	}
}

// runIdle runs the tasks, and returns when the driver knows that all of them run.
func runIdle(b *testing.B, d *Driver, count int) []orchestra.Container {
	containers := make([]orchestra.Container, count)
	inParallel(count, func(i int) {
		c, err := d.RunContainer(b.Context(), benchTask(i))
		require.NoError(b, err)
		containers[i] = c
	})
	inParallel(count, func(i int) {
		uid := containers[i].(*container).uid
		_, err := d.watch.wait(b.Context(), uid, func(r record) bool { return r.stage == stageRunning })
		require.NoError(b, err)
	})
	return containers
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

// watchCounter counts the watches that are open. An API server closes one that it cannot write to for a moment
// (k8s.io/apiserver pkg/storage/cacher/cache_watcher.go), as it happens while thousands of pods are made on a small machine; the next takes its place.
type watchCounter struct {
	next http.RoundTripper
	open *atomic.Int64
}

func (c watchCounter) RoundTrip(req *http.Request) (*http.Response, error) {
	answer, err := c.next.RoundTrip(req)
	if err == nil && req.URL.Query().Get("watch") != "" {
		c.open.Add(1)
		answer.Body = &watchBody{ReadCloser: answer.Body, closed: sync.OnceFunc(func() { c.open.Add(-1) })}
	}
	return answer, err
}

func (c watchCounter) WrappedRoundTripper() http.RoundTripper { return c.next }

type watchBody struct {
	io.ReadCloser
	closed func()
}

func (w *watchBody) Close() error {
	w.closed()
	return w.ReadCloser.Close()
}
