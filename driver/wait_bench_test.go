package driver

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/orchestra-ci/orchestra-k8s/internal/testcluster"
	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

// endings is how many ends of tasks are measured.
const endings = 100

// BenchmarkWait prints how long after the end of a pod the Wait of its task returns.
func BenchmarkWait(b *testing.B) {
	config, err := clientcmd.BuildConfigFromFlags("", testcluster.Simulated(b))
	require.NoError(b, err)
	for b.Loop() {
		d := simulatedDriver(b, config, nil)
		reportLatency(b, d, runIdle(b, d, endings))
		require.NoError(b, d.Close())
		d.disconnect()
	}
}

// reportLatency ends tasks, one after the other, and reports when Wait returned: after the answer to the request that ended the pod (the event
// may be first), and after a plain watch of that one pod had seen it.
func reportLatency(b *testing.B, d *Driver, containers []orchestra.Container) {
	b.Helper()
	var afterAnswer, afterPlain []time.Duration
	for _, c := range containers {
		answered, waited, plain := endTask(b, d, c)
		afterAnswer = append(afterAnswer, waited.Sub(answered))
		afterPlain = append(afterPlain, waited.Sub(plain))
	}
	slices.Sort(afterAnswer)
	slices.Sort(afterPlain)
	b.ReportMetric(milliseconds(afterAnswer[len(afterAnswer)/2]), "ms-to-Wait-p50")
	b.ReportMetric(milliseconds(afterAnswer[len(afterAnswer)*99/100]), "ms-to-Wait-p99")
	b.ReportMetric(milliseconds(afterPlain[len(afterPlain)/2]), "ms-after-plain-watch-p50")
}

// endTask ends a simulated pod, as a kubelet does, and returns when this was answered, when Wait returned, and when a plain watch saw it.
func endTask(b *testing.B, d *Driver, c orchestra.Container) (answered, waited, plain time.Time) {
	b.Helper()
	pods := d.typed.CoreV1().Pods(d.namespace)
	stream, err := pods.Watch(b.Context(), metav1.ListOptions{FieldSelector: "metadata.name=" + c.ID()})
	require.NoError(b, err)
	defer stream.Stop()
	<-stream.ResultChan() // the pod as it is: the watch is there
	seen, returned := make(chan time.Time, 1), make(chan time.Time, 1)
	go func() {
		for event := range stream.ResultChan() {
			if pod, ok := event.Object.(*corev1.Pod); ok && pod.Status.Phase == corev1.PodSucceeded {
				seen <- time.Now()
				return
			}
		}
		close(seen)
	}()
	ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
	defer cancel()
	go func() {
		_, _ = c.(orchestra.Waiter).Wait(ctx)
		returned <- time.Now()
	}()
	end := []byte(`{"status": {"phase": "Succeeded", "containerStatuses": [{"name": "task", "ready": false, "started": false, "state": {
		"running": null, "terminated": {"exitCode": 0, "reason": "Completed", "startedAt": "2026-01-02T03:04:05Z", "finishedAt": "2026-01-02T03:04:06Z"}}}]}}`)
	_, err = pods.Patch(b.Context(), c.ID(), types.StrategicMergePatchType, end, metav1.PatchOptions{}, "status")
	require.NoError(b, err)
	answered, waited = time.Now(), <-returned
	require.NoError(b, ctx.Err(), "Wait has not returned")
	return answered, waited, <-seen
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
