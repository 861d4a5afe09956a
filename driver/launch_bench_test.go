package driver

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
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

// BenchmarkLaunch runs 200 tasks, 32 at a time, on a simulated node, where launching costs the API server's work and nothing
// else. In the same run the same objects are applied by a plain loop over the dynamic client, with its limit of five requests
// a second lifted: the ratio says what the driver adds. Also printed: requests per task, from RunContainer to Cleanup.
func BenchmarkLaunch(b *testing.B) {
	config, err := clientcmd.BuildConfigFromFlags("", testcluster.Simulated(b))
	require.NoError(b, err)
	var requests atomic.Int64
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return counting{next, &requests} })

	var launched, raw time.Duration
	for b.Loop() {
		d := simulatedDriver(b, config, completing)
		requests.Store(0)
		begin := time.Now()
		containers := launchAll(b, d)
		launched += time.Since(begin)
		for _, c := range containers {
			_, err := c.(orchestra.Waiter).Wait(b.Context())
			require.NoError(b, err)
		}
		inParallel(len(containers), func(i int) { require.NoError(b, containers[i].Cleanup(b.Context())) })
		b.ReportMetric(float64(requests.Load())/benchTasks, "requests/task")
		raw += applyAll(b, config, d)
		require.NoError(b, d.Close())
		d.disconnect()
	}
	b.ReportMetric(float64(benchTasks*b.N)/launched.Seconds(), "launched/s")
	b.ReportMetric(float64(benchTasks*b.N)/raw.Seconds(), "applied/s")
	b.ReportMetric(raw.Seconds()/launched.Seconds(), "ratio")
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

func launchAll(b *testing.B, d *Driver) []orchestra.Container {
	containers := make([]orchestra.Container, benchTasks)
	inParallel(benchTasks, func(i int) {
		c, err := d.RunContainer(b.Context(), benchTask(i))
		require.NoError(b, err)
		containers[i] = c
	})
	return containers
}

// applyAll is the baseline: the same manifests, already rendered, by the same number of workers.
func applyAll(b *testing.B, config *rest.Config, d *Driver) time.Duration {
	plain := rest.CopyConfig(config)
	plain.QPS = -1
	httpClient, err := rest.HTTPClientFor(plain)
	require.NoError(b, err)
	defer utilnet.CloseIdleConnectionsFor(httpClient.Transport)
	client, err := dynamic.NewForConfigAndClient(plain, httpClient)
	require.NoError(b, err)
	pods := client.Resource(schema.GroupVersionResource{Version: "v1", Resource: "pods"}).Namespace(d.namespace)
	objects := make([]*unstructured.Unstructured, benchTasks)
	for i := range objects {
		rendered, err := d.templates.Task(benchTask(i), render.RoleTask)
		require.NoError(b, err)
		objects[i] = rendered.Workload
		objects[i].SetName(strings.Replace(objects[i].GetName(), "bench", "plain", 1))
	}
	begin := time.Now()
	inParallel(benchTasks, func(i int) {
		_, err := pods.Apply(b.Context(), objects[i].GetName(), objects[i], metav1.ApplyOptions{FieldManager: "bench", Force: true})
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
