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
	soakTasks      = 1000
	soakAtOnce     = 40
	soakTimeout    = 50 * time.Minute
	restartTasks   = 100
	restartAtOnce  = 40
	restartEvery   = 12               // ended tasks
	restartTimeout = 15 * time.Minute // it takes three on a machine that does nothing else
	oneRestart     = 3 * time.Minute
)

// components are restarted in turn, as on an update and as in a crash.
var components = []string{"kube-apiserver", "kubelet", "kube-apiserver --kill", "kubelet --kill"}

// TestSoak runs a thousand tasks that are over at once: not one output or exit code may get lost.
func TestSoak(t *testing.T) {
	d, _ := onCluster(t, uniqueNamespace(), nil)
	ctx, cancel := context.WithTimeout(t.Context(), soakTimeout)
	defer cancel()
	began := time.Now()
	right := soak{d: d, script: "echo x; exit 7", want: "x\n"}.run(ctx, t, soakTasks, soakAtOnce)
	t.Logf("%d of %d outputs and exit codes are right, after %s", right, soakTasks, time.Since(began).Round(time.Second))
	require.Equal(t, soakTasks, right)
	assert.Empty(t, left(t, d))
}

// TestRestarts reads the logs of a hundred tasks, line by line, while the API server and the kubelet end and start again. The first task that
// fails, or restart, ends all.
func TestRestarts(t *testing.T) {
	name := filepath.Base(filepath.Dir(testcluster.ReadInfo(t).Kubeconfig))
	d, _ := onCluster(t, uniqueNamespace(), nil)
	ctx, cancel := context.WithTimeout(t.Context(), restartTimeout)
	s := soak{d: d, script: slowLines, want: wantedLines(), ended: make(chan struct{}, restartTasks), failed: cancel, restarts: true}
	right := make(chan int, 1)
	go func() {
		defer close(s.ended)
		right <- s.run(ctx, t, restartTasks, restartAtOnce)
	}()
	defer func() { // also when a restart has failed
		cancel()
		assert.Equal(t, restartTasks, <-right, "right outputs and exit codes")
	}()
	ended, restarts := 0, 0
	for range s.ended {
		if ended++; ended%restartEvery == 0 && ctx.Err() == nil {
			restart(t, name, strings.Fields(components[restarts%len(components)])...)
			restarts++
		}
	}
	if t.Failed() {
		return
	}
	require.GreaterOrEqual(t, restarts, len(components))
	assert.Empty(t, left(t, d))
}

const (
	lineCount = 40
	slowLines = "i=0; while [ $i -lt 40 ]; do echo line $i; i=$((i+1)); sleep 0.5; done; exit 7"
)

func wantedLines() string {
	var want strings.Builder
	for i := range lineCount {
		fmt.Fprintf(&want, "line %d\n", i)
	}
	return want.String()
}

func restart(t *testing.T, cluster string, component ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), oneRestart)
	defer cancel()
	arguments := append([]string{"-C", "../devcluster", "run", ".", "restart", "--name", cluster}, component...)
	output, err := exec.CommandContext(ctx, "go", arguments...).CombinedOutput()
	require.NoError(t, err, "restarting %q: %s", component, output)
}

// soak is many tasks that do the same, and end with code 7.
type soak struct {
	d        *Driver
	script   string
	want     string
	ended    chan struct{} // told of each task's end; nil: nobody is
	failed   func()        // called when a task is not right; nil: the others go on
	restarts bool          // the kubelet restarts meanwhile
}

// run runs n tasks, some at the same time, and returns how many were right. The others are errors of the test.
func (s soak) run(ctx context.Context, t *testing.T, n, atOnce int) int {
	slots := make(chan struct{}, atOnce)
	var tasks sync.WaitGroup
	var right atomic.Int64
	for i := range n {
		slots <- struct{}{}
		tasks.Go(func() {
			defer func() { <-slots }()
			switch err := s.one(ctx, fmt.Sprintf("task-%d", i)); {
			case err == nil:
				right.Add(1)
			case s.failed == nil || ctx.Err() == nil:
				assert.NoError(t, err, "task %d", i)
			default: // another failure has ended it, or the time is over
				t.Logf("task %d: %v", i, err)
			}
			if s.failed != nil && t.Failed() {
				s.failed()
			}
			if s.ended != nil {
				s.ended <- struct{}{}
			}
		})
	}
	tasks.Wait()
	return int(right.Load())
}

// one runs a task, follows its log, and removes it. A kubelet that ends while it starts a container breaks that off: the task has not run,
// and says so, which is the truth. Such a task is run anew.
func (s soak) one(ctx context.Context, id string) error {
	for attempt := 1; ; attempt++ {
		end, output, err := s.try(ctx, fmt.Sprintf("%s-%d", id, attempt))
		switch {
		case err != nil:
			return err
		case end.ExitCode() == 7 && output == s.want:
			return nil
		case s.restarts && attempt < 3 && end.Reason() == ReasonStartFailed && strings.Contains(end.Message(), "context canceled") && output == "":
			continue
		}
		return fmt.Errorf("%d, %s: %s, and the output is %q", end.ExitCode(), end.Reason(), end.Message(), output)
	}
}

func (s soak) try(ctx context.Context, id string) (end status, output string, err error) {
	c, err := s.d.RunContainer(ctx, orchestra.Task{ID: id, Image: "busybox", Command: []string{"sh", "-c", s.script}})
	if err != nil {
		return status{}, "", err
	}
	var log bytes.Buffer
	if err := c.Logs(ctx, &log, nil, true); err != nil {
		return status{}, "", err
	}
	last, err := c.(orchestra.Waiter).Wait(ctx)
	if err != nil {
		return status{}, "", err
	}
	return last.(status), log.String(), c.Cleanup(ctx)
}
