// Package helmbench compares rendering a Pod with Helm's engine and with filling a typed struct. It is a module of its own, so that
// nobody else needs Helm.
package helmbench

import (
	"io/fs"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/engine"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
	"github.com/orchestra-ci/orchestra-k8s/render"
	"github.com/orchestra-ci/orchestra-k8s/templates"
)

// task is what most tasks look like: a shell line, some env, a volume, limits.
var task = orchestra.Task{
	ID: "build-1", Image: "busybox:1.36", Command: []string{"sh", "-c", "make all"}, Env: map[string]string{"HOME": "/root", "CI": "true"},
	Mounts: orchestra.Mounts{{Name: "cache", Path: "cache"}}, ContainerLimits: orchestra.ContainerLimits{CPU: 512, Memory: 1 << 28},
}

func defaultSet(tb testing.TB) *render.Set {
	tb.Helper()
	defaults, err := fs.Sub(templates.FS, "default")
	require.NoError(tb, err)
	set, err := render.New(render.Config{Namespace: "ci", Layers: []render.Layer{{Name: "default", FS: defaults}}})
	require.NoError(tb, err)
	return set
}

func renderOurs(tb testing.TB, set *render.Set) *unstructured.Unstructured {
	rendered, err := set.Task(task, render.RoleTask)
	require.NoError(tb, err)
	return rendered.Workload
}

// renderHelm makes an object of what Helm's engine writes, as a client that applies it must.
func renderHelm(tb testing.TB, c *chart.Chart, values map[string]any) map[string]any {
	files, err := engine.Render(c, values)
	require.NoError(tb, err)
	var object map[string]any
	require.NoError(tb, yaml.Unmarshal([]byte(files["pod/templates/pod.yaml"]), &object))
	return object
}

func TestAllMakeTheSamePod(t *testing.T) {
	set := defaultSet(t)
	ours := renderOurs(t, set)
	want, err := yaml.Marshal(ours)
	require.NoError(t, err)
	helms, err := yaml.Marshal(renderHelm(t, helmChart(t), helmValues(t, ours)))
	require.NoError(t, err)
	assert.YAMLEq(t, string(want), string(helms))

	typed, err := runtime.DefaultUnstructuredConverter.ToUnstructured(typedPod(set, task))
	require.NoError(t, err)
	spec := typed["spec"].(map[string]any)["containers"].([]any)[0].(map[string]any)
	assert.Equal(t, "busybox:1.36", spec["image"])
	assert.Len(t, spec["volumeMounts"], 2)
}

// BenchmarkRendering prints for one Pod, beside time and allocations, the processor's time (on a busy machine the only one that can be
// compared) and how many times that of the typed struct and of Helm it is.
func BenchmarkRendering(b *testing.B) {
	set := defaultSet(b)
	ours := renderOurs(b, set)
	c, values := helmChart(b), helmValues(b, ours)
	costs := map[string]float64{}
	measure := func(name string, once func()) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			start := processorTime(b)
			for b.Loop() {
				once()
			}
			costs[name] = (processorTime(b) - start) / float64(b.N)
			b.ReportMetric(costs[name], "cpu-µs/op")
			for _, baseline := range []string{"typed", "helm"} {
				if costs[baseline] > 0 && baseline != name {
					b.ReportMetric(costs[name]/costs[baseline], "cpu-x-"+baseline)
				}
			}
		})
	}
	measure("typed", func() {
		_, err := runtime.DefaultUnstructuredConverter.ToUnstructured(typedPod(set, task))
		require.NoError(b, err)
	})
	measure("helm", func() { renderHelm(b, c, values) })
	measure("ours", func() { renderOurs(b, set) })
	b.Run("ours-parallel", func(b *testing.B) {
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				renderOurs(b, set)
			}
		})
	})
}

// processorTime is what this process has used, in microseconds.
func processorTime(b *testing.B) float64 {
	b.Helper()
	var usage syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1000
}
