package driver

import (
	"fmt"
	"runtime"
	"testing"

	"k8s.io/apimachinery/pkg/types"
)

// BenchmarkIdleTask prints what the driver keeps in memory for one task that runs.
func BenchmarkIdleTask(b *testing.B) {
	const tasks = 5000
	for b.Loop() {
		s, _ := newTestStore()
		before := heapInUse()
		for i := range tasks {
			uid, name := types.UID(fmt.Sprintf("%036d", i)), fmt.Sprintf("pod-%059d", i)
			s.put(record{workload: uid, podUID: uid, kind: kindPod, name: name, pod: name, version: "123456", node: "node", status: underWay(ReasonRunning, "")})
			s.hold(uid)
			s.look(s.find(uid))
		}
		b.ReportMetric(float64(heapInUse()-before)/tasks, "B/task")
		runtime.KeepAlive(s)
	}
}

func heapInUse() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}
