package render

import (
	"testing"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

// plainTask is what most tasks look like: a shell line, some env, a volume, limits.
func plainTask() orchestra.Task {
	return orchestra.Task{
		ID: "build-1", Image: "busybox:1.36", Command: []string{"sh", "-c", "make all"}, Env: map[string]string{"HOME": "/root", "CI": "true"},
		Mounts: orchestra.Mounts{{Name: "cache", Path: "cache"}}, ContainerLimits: orchestra.ContainerLimits{CPU: 512, Memory: 1 << 28},
	}
}

func BenchmarkTask(b *testing.B) {
	set := newSet(b)
	task := plainTask()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := set.Task(task, RoleTask); err != nil {
			b.Fatal(err)
		}
	}
}
