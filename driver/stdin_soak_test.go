//go:build soak

package driver

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

// TestSoakStdin runs tasks that end well while more of their stdin waits: not one may be taken for a task whose stdin was cut.
func TestSoakStdin(t *testing.T) {
	const tasks, sideBySide, endless = 100, 8, 1 << 40
	for protocol, wrap := range attachProtocols {
		d, _ := onCluster(t, uniqueNamespace(), func(cfg *Config) { cfg.RESTConfig.Wrap(wrap) })
		for name, script := range map[string]string{
			"not at all": "exit 0",
			"later":      "sleep 3",
			"a line":     "sleep 2; head -c 100 >/dev/null",
			"a megabyte": "head -c 1000000 >/dev/null",
			"20 MB":      "head -c 20000000 >/dev/null",
		} {
			t.Run(protocol+", "+name, func(t *testing.T) {
				var doubts atomic.Int32
				var group sync.WaitGroup
				slots := make(chan struct{}, sideBySide)
				for i := range tasks {
					slots <- struct{}{}
					group.Go(func() {
						defer func() { <-slots }()
						task := orchestra.Task{
							ID: fmt.Sprintf("%s-%d", strings.ReplaceAll(name, " ", "-"), i), Image: "busybox",
							Command: []string{"sh", "-c", script}, Stdin: noise(endless),
						}
						c, err := d.RunContainer(t.Context(), task)
						if !assert.NoError(t, err) {
							return
						}
						end, _ := finish(t, c)
						if end.ExitCode() != 0 {
							doubts.Add(1)
							t.Logf("%s: %s: %s", task.ID, end.Reason(), end.Message())
						}
						assert.NoError(t, c.Cleanup(t.Context()))
					})
				}
				group.Wait()
				assert.Zero(t, doubts.Load(), "of %d tasks", tasks)
			})
		}
	}
}
