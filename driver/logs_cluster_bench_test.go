package driver

import (
	"io"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/orchestra-ci/orchestra-k8s/internal/testcluster"
	"github.com/orchestra-ci/orchestra-k8s/orchestra"
	"github.com/orchestra-ci/orchestra-k8s/render"
)

// BenchmarkClusterLogs reads the log of a task that has printed 6 MB, to its end, and beside it a plain stream of the same log, which promises
// nothing: it is one request without timestamps, as `kubectl logs -f` makes it. Printed are MB/s and CPU time of this process.
func BenchmarkClusterLogs(b *testing.B) {
	connection, err := connect(Config{Kubeconfig: testcluster.Kubeconfig(b)}, environment{})
	require.NoError(b, err)
	d, err := New(b.Context(), Config{Namespace: uniqueNamespace(), RESTConfig: connection.rest}, nil)
	require.NoError(b, err)
	defer d.disconnect()
	defer d.Close()
	script := "awk 'BEGIN { for (i = 0; i < 60000; i++) printf \"%99d\\n\", i }'; sleep 2"
	c, err := d.RunContainer(b.Context(), orchestra.Task{ID: "log", Image: "busybox", Command: []string{"sh", "-c", script}})
	require.NoError(b, err)
	_, err = c.(orchestra.Waiter).Wait(b.Context())
	require.NoError(b, err)

	var ours, plain cost
	for b.Loop() {
		ours.add(b, func(out io.Writer) error { return c.Logs(b.Context(), out, out, true) })
		plain.add(b, func(out io.Writer) error {
			stream, err := d.typed.CoreV1().Pods(d.namespace).GetLogs(c.ID(), &corev1.PodLogOptions{Container: render.TaskContainer, Follow: true}).Stream(b.Context())
			if err != nil {
				return err
			}
			defer stream.Close()
			_, err = io.Copy(out, stream)
			return err
		})
	}
	require.Equal(b, plain.bytes, ours.bytes)
	b.ReportMetric(ours.rate(), "MB/s")
	b.ReportMetric(plain.rate(), "MB/s-plain")
	b.ReportMetric(ours.rate()/plain.rate(), "ratio")
	b.ReportMetric(ours.cpu.Seconds()/plain.cpu.Seconds(), "cpu-ratio")
}

// cost is what reading has taken.
type cost struct {
	bytes     int64
	wall, cpu time.Duration
}

func (c *cost) Write(p []byte) (int, error) {
	c.bytes += int64(len(p))
	return len(p), nil
}

func (c *cost) add(b *testing.B, read func(io.Writer) error) {
	began, used := time.Now(), cpuTime(b)
	require.NoError(b, read(c))
	c.wall += time.Since(began)
	c.cpu += cpuTime(b) - used
}

func (c *cost) rate() float64 { return float64(c.bytes) / 1e6 / c.wall.Seconds() }

// cpuTime is what this process has used.
func cpuTime(b *testing.B) time.Duration {
	var usage syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
