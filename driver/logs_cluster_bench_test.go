package driver

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orchestra-ci/orchestra-k8s/internal/testcluster"
	"github.com/orchestra-ci/orchestra-k8s/orchestra"
	"github.com/orchestra-ci/orchestra-k8s/render"
)

// logLines of 100 bytes fit into one file of a node with the default configuration; `kubectl logs` sees no others.
const logLines = 60_000

// BenchmarkClusterLogs follows the log of a task that prints 6 MB as fast as it can, with a driver and with `kubectl logs -f`. Each is a process
// of its own that writes to a file and is measured from its start to its end. When the task has ended already, they take turns. While it runs,
// both follow it at the same time and wait for it, so there only the processor's time is compared, and by how much later the driver ends: it makes sure.
func BenchmarkClusterLogs(b *testing.B) {
	race := newLogRace(b)
	b.Run("ended", func(b *testing.B) {
		c := race.print(b, "ended", 0)
		_, err := c.(orchestra.Waiter).Wait(b.Context())
		require.NoError(b, err)
		ours, theirs := newFollower(b), newFollower(b)
		for b.Loop() {
			alternate(3,
				func() { require.NoError(b, ours.run(race.driver(b, c), race.whole)) },
				func() { require.NoError(b, theirs.run(race.kubectl(b, c), race.whole)) })
		}
		b.ReportMetric(ours.rate(), "MB/s")
		b.ReportMetric(ours.rate()/theirs.rate(), "MB/s-x-kubectl")
		b.ReportMetric(ours.cpu.Seconds()/theirs.cpu.Seconds(), "cpu-x-kubectl")
	})
	b.Run("live", func(b *testing.B) {
		ours, theirs := newFollower(b), newFollower(b)
		for round := 0; b.Loop(); round++ {
			c := race.print(b, fmt.Sprintf("live-%d", round), 3*time.Second)
			_, err := race.d.watch.wait(b.Context(), c.(*container).uid, func(r record) bool { return r.started })
			require.NoError(b, err)
			var other error
			var running sync.WaitGroup
			running.Go(func() { other = theirs.run(race.kubectl(b, c), race.whole) })
			err = ours.run(race.driver(b, c), race.whole)
			running.Wait()
			require.NoError(b, errors.Join(err, other))
		}
		b.ReportMetric(ours.cpu.Seconds()/theirs.cpu.Seconds(), "cpu-x-kubectl")
		b.ReportMetric(milliseconds((ours.wall-theirs.wall)/time.Duration(b.N)), "ms-after-kubectl")
	})
}

// logRace makes the logs and the programs that follow them.
type logRace struct {
	d              *Driver
	kubeconfig     string
	kubectlProgram string
	whole          []byte // of every task
}

func newLogRace(b *testing.B) *logRace {
	b.Helper()
	race := &logRace{kubeconfig: testcluster.Kubeconfig(b), kubectlProgram: testcluster.Kubectl(b)}
	var err error
	race.d, err = New(b.Context(), Config{Namespace: uniqueNamespace(), Kubeconfig: race.kubeconfig}, nil)
	require.NoError(b, err)
	b.Cleanup(func() {
		require.NoError(b, race.d.Close())
		race.d.disconnect()
	})
	var whole bytes.Buffer
	for i := range logLines {
		fmt.Fprintf(&whole, "%99d\n", i)
	}
	race.whole = whole.Bytes()
	return race
}

// print runs a task that prints, after a while.
func (r *logRace) print(b *testing.B, id string, after time.Duration) orchestra.Container {
	b.Helper()
	script := fmt.Sprintf(`sleep %d; awk 'BEGIN { for (i = 0; i < %d; i++) printf "%%99d\n", i }'`, int(after.Seconds()), logLines)
	c, err := r.d.RunContainer(b.Context(), orchestra.Task{ID: id, Image: "busybox", Command: []string{"sh", "-c", script}})
	require.NoError(b, err)
	return c
}

func (r *logRace) driver(b *testing.B, c orchestra.Container) *exec.Cmd {
	b.Helper()
	return followedTask{Kubeconfig: r.kubeconfig, Namespace: r.d.cfg.Namespace, ID: c.ID()}.command(b)
}

func (r *logRace) kubectl(b *testing.B, c orchestra.Container) *exec.Cmd {
	b.Helper()
	return exec.CommandContext(b.Context(), r.kubectlProgram, "--kubeconfig", r.kubeconfig, "--namespace", r.d.namespace,
		"logs", "--follow", "--container", render.TaskContainer, c.ID())
}
