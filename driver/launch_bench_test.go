package driver

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/orchestra-ci/orchestra-k8s/internal/testcluster"
	"github.com/orchestra-ci/orchestra-k8s/orchestra"
	"github.com/orchestra-ci/orchestra-k8s/render"
)

const (
	benchTasks    = 200
	benchParallel = 32
)

// BenchmarkLaunch runs 200 tasks, 32 at a time, on simulated nodes, where launching costs the API server's work and nothing else. In turn with
// it the same objects, rendered beforehand, are applied by a plain loop: the same request with the same options, as many at a time, over a dynamic
// client without a limit. The ratio says what the driver adds. Also printed: requests per task, from RunContainer to Cleanup.
func BenchmarkLaunch(b *testing.B) {
	config, err := clientcmd.BuildConfigFromFlags("", testcluster.Simulated(b))
	require.NoError(b, err)
	var launched, applied time.Duration
	var requests int64
	const rounds = 3
	for b.Loop() {
		alternate(rounds,
			func() {
				took, made := launchAll(b, config)
				launched, requests = launched+took, requests+made
			},
			func() { applied += applyAll(b, config) })
	}
	tasks := float64(2 * rounds * b.N * benchTasks)
	b.ReportMetric(tasks/launched.Seconds(), "launches/s")
	b.ReportMetric(applied.Seconds()/launched.Seconds(), "launches/s-x-plain-apply")
	b.ReportMetric(float64(requests)/tasks, "requests/task")
}

// launchAll launches the tasks, and then waits for them and cleans up. It returns how long launching took, and how many requests all of it.
func launchAll(b *testing.B, config *rest.Config) (launching time.Duration, made int64) {
	b.Helper()
	var requests atomic.Int64
	config = rest.CopyConfig(config)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return counting{next, &requests} })
	d := simulatedDriver(b, config, completing)
	before := requests.Load()
	containers := make([]orchestra.Container, benchTasks)
	begin := time.Now()
	inParallel(benchTasks, func(i int) {
		c, err := d.RunContainer(b.Context(), benchTask(i))
		require.NoError(b, err)
		containers[i] = c
	})
	launching = time.Since(begin)
	for _, c := range containers {
		_, err := c.(orchestra.Waiter).Wait(b.Context())
		require.NoError(b, err)
	}
	inParallel(len(containers), func(i int) { require.NoError(b, containers[i].Cleanup(b.Context())) })
	made = requests.Load() - before
	require.NoError(b, d.Close())
	d.disconnect()
	return launching, made
}

type counting struct {
	next  http.RoundTripper
	count *atomic.Int64
}

// WrappedRoundTripper lets idle connections be closed through it (k8s.io/apimachinery pkg/util/net).
func (c counting) WrappedRoundTripper() http.RoundTripper { return c.next }

func (c counting) RoundTrip(req *http.Request) (*http.Response, error) {
	c.count.Add(1)
	return c.next.RoundTrip(req)
}

func benchTask(i int) orchestra.Task {
	return orchestra.Task{ID: fmt.Sprintf("task-%d", i), Image: "busybox", Command: []string{"sh", "-c", "true; exit 0"}, Env: map[string]string{"N": fmt.Sprint(i)}}
}

// applyAll is the baseline. It returns how long applying took.
func applyAll(b *testing.B, config *rest.Config) time.Duration {
	b.Helper()
	cfg := simulatedConfig(config, completing)
	set, err := LoadTemplates(cfg)
	require.NoError(b, err)
	objects := make([]*unstructured.Unstructured, benchTasks)
	for i := range objects {
		rendered, err := set.Task(benchTask(i), render.RoleTask)
		require.NoError(b, err)
		objects[i] = rendered.Workload
	}
	plain := rest.CopyConfig(config)
	plain.QPS = -1
	httpClient, err := rest.HTTPClientFor(plain)
	require.NoError(b, err)
	defer utilnet.CloseIdleConnectionsFor(httpClient.Transport)
	client, err := dynamic.NewForConfigAndClient(plain, httpClient)
	require.NoError(b, err)
	pods := client.Resource(schema.GroupVersionResource{Version: "v1", Resource: "pods"}).Namespace(set.KubeNamespace())
	_, err = pods.List(b.Context(), metav1.ListOptions{Limit: 1}) // opens the connection
	require.NoError(b, err)
	force := true
	options := metav1.PatchOptions{FieldManager: "bench", Force: &force, FieldValidation: metav1.FieldValidationIgnore}
	begin := time.Now()
	inParallel(benchTasks, func(i int) {
		data, err := objects[i].MarshalJSON()
		require.NoError(b, err)
		_, err = pods.Patch(b.Context(), objects[i].GetName(), types.ApplyPatchType, data, options)
		require.NoError(b, err)
	})
	took := time.Since(begin)
	inParallel(benchTasks, func(i int) {
		require.NoError(b, pods.Delete(context.WithoutCancel(b.Context()), objects[i].GetName(), metav1.DeleteOptions{}))
	})
	return took
}

// inParallel calls work for every number below count, benchParallel at a time.
func inParallel(count int, work func(i int)) {
	var next atomic.Int64
	var workers sync.WaitGroup
	for range benchParallel {
		workers.Go(func() {
			for i := int(next.Add(1)) - 1; i < count; i = int(next.Add(1)) - 1 {
				work(i)
			}
		})
	}
	workers.Wait()
}
