//go:build soak

package driver

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchestra-ci/orchestra-k8s/internal/testcluster"
	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

// Sizes. A node has room for 110 pods, and starts about two a second.
const (
	soakTasks     = 1000
	soakAtOnce    = 40
	restartTasks  = 100
	restartAtOnce = 40
	restartEvery  = 12 // ended tasks
	soakTimeout   = 50 * time.Minute
)

// components are restarted in turn, as on an update and as in a crash.
var components = []string{"kube-apiserver", "kubelet", "kube-apiserver --kill", "kubelet --kill"}

// TestSoak runs a thousand tasks that are over at once: not one output or exit code may get lost.
func TestSoak(t *testing.T) {
	d, _ := onCluster(t, uniqueNamespace(), nil)
	began := time.Now()
	soak{d: d, script: "echo x; exit 7", want: "x\n"}.run(t, soakTasks, soakAtOnce)
	t.Logf("%d tasks in %s", soakTasks, time.Since(began).Round(time.Second))
	assert.Empty(t, left(t, d))
}

// TestRestarts reads the logs of a hundred tasks, line by line, while the API server and the kubelet end and start again.
func TestRestarts(t *testing.T) {
	name := filepath.Base(filepath.Dir(testcluster.ReadInfo(t).Kubeconfig))
	d, _ := onCluster(t, uniqueNamespace(), nil)
	ended := make(chan struct{}, restartTasks)
	var restarts []string
	var restarter sync.WaitGroup
	restarter.Go(func() {
		for n := 1; ; n++ {
			if _, more := <-ended; !more {
				return
			}
			if n%restartEvery == 0 {
				component := components[len(restarts)%len(components)]
				restart(t, name, strings.Fields(component)...)
				restarts = append(restarts, component)
			}
		}
	})
	const lines = 40
	var want strings.Builder
	for i := range lines {
		fmt.Fprintf(&want, "line %d\n", i)
	}
	script := fmt.Sprintf("i=0; while [ $i -lt %d ]; do echo line $i; i=$((i+1)); sleep 0.5; done; exit 7", lines)
	soak{d: d, script: script, want: want.String(), ended: ended}.run(t, restartTasks, restartAtOnce)
	close(ended)
	restarter.Wait()
	t.Logf("restarts: %q", restarts)
	assert.GreaterOrEqual(t, len(restarts), len(components))
	assert.Empty(t, left(t, d))
}

func restart(t *testing.T, cluster string, component ...string) {
	arguments := append([]string{"-C", "../devcluster", "run", ".", "restart", "--name", cluster}, component...)
	output, err := exec.Command("go", arguments...).CombinedOutput()
	assert.NoError(t, err, "restarting %q: %s", component, output)
}

// soak is many tasks that do the same, and end with code 7.
type soak struct {
	d      *Driver
	script string
	want   string
	ended  chan<- struct{} // told of each task's end; nil: nobody is
}

// run runs n tasks, some at the same time.
func (s soak) run(t *testing.T, n, atOnce int) {
	ctx, cancel := context.WithTimeout(t.Context(), soakTimeout)
	defer cancel()
	slots := make(chan struct{}, atOnce)
	var tasks sync.WaitGroup
	var right atomic.Int64
	for i := range n {
		slots <- struct{}{}
		tasks.Go(func() {
			defer func() { <-slots }()
			if assert.NoError(t, s.one(ctx, fmt.Sprintf("task-%d", i)), "task %d", i) {
				right.Add(1)
			}
			if s.ended != nil {
				s.ended <- struct{}{}
			}
		})
	}
	tasks.Wait()
	t.Logf("%d of %d outputs and exit codes are right", right.Load(), n)
	require.Equal(t, int64(n), right.Load())
}

// one runs a task, follows its log, and removes it.
func (s soak) one(ctx context.Context, id string) error {
	c, err := s.d.RunContainer(ctx, orchestra.Task{ID: id, Image: "busybox", Command: []string{"sh", "-c", s.script}})
	if err != nil {
		return err
	}
	var output bytes.Buffer
	if err := c.Logs(ctx, &output, nil, true); err != nil {
		return err
	}
	end, err := c.(orchestra.Waiter).Wait(ctx)
	if err != nil {
		return err
	}
	if end.ExitCode() != 7 || output.String() != s.want {
		return fmt.Errorf("%d, %s: %s, and the output is %q", end.ExitCode(), end.(status).Reason(), end.(status).Message(), output.String())
	}
	return c.Cleanup(ctx)
}
