package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orchestra-ci/orchestra-k8s/internal/testcluster"
)

// BenchmarkStart runs the plugin as it is released beside the real kubectl, in turn, each as a process of its own, and prints the medians of the
// ratios. Beside commands that need no cluster stands `kubectl get pods` of an empty namespace, with its discovery cache filled: what it needs to
// start, and one answer of a server on the same machine, without which it has got nothing. The server's own time is not in the processor's time of kubectl;
// `kubectl get --help`, which asks nobody, is the other bound.
func BenchmarkStart(b *testing.B) {
	plugin, kubectl := filepath.Join(released(b), "kubectl-orchestra"), testcluster.Kubectl(b)
	home, config := b.TempDir(), testcluster.Kubeconfig(b)
	get := started{home, config, []string{kubectl, "get", "pods", "-n", "kube-node-lease"}}
	help := started{home, config, []string{kubectl, "get", "--help"}}
	for _, offline := range []string{"--help", "render build-7 --image busybox", "template list", "template lint", "version"} {
		b.Run(strings.ReplaceAll(offline, " ", "_"), func(b *testing.B) {
			own := started{b.TempDir(), "/nonexistent", append([]string{plugin}, strings.Fields(offline)...)}
			for _, once := range []started{own, get, help} {
				once.time(b) // fills caches
			}
			var cpu, wall, cpuOfHelp []float64
			for b.Loop() {
				mine, theirs, beside := own.time(b), get.time(b), help.time(b)
				cpu = append(cpu, mine.cpu.Seconds()/theirs.cpu.Seconds())
				wall = append(wall, mine.wall.Seconds()/theirs.wall.Seconds())
				cpuOfHelp = append(cpuOfHelp, mine.cpu.Seconds()/beside.cpu.Seconds())
			}
			b.ReportMetric(0, "ns/op") // means nothing here
			b.ReportMetric(median(cpu), "cpu-x-kubectl-get")
			b.ReportMetric(median(wall), "wall-x-kubectl-get")
			b.ReportMetric(median(cpuOfHelp), "cpu-x-kubectl-get-help")
		})
	}
}

// started is a command line with its surroundings.
type started struct {
	home, kubeconfig string
	words            []string
}

type times struct{ cpu, wall time.Duration }

// time runs the command to its end.
func (s started) time(b *testing.B) times {
	b.Helper()
	command := exec.CommandContext(b.Context(), s.words[0], s.words[1:]...)
	command.Env = append(os.Environ(), "HOME="+s.home, "KUBECONFIG="+s.kubeconfig)
	began := time.Now()
	written, err := command.CombinedOutput()
	require.NoError(b, err, "%s: %s", s.words, written)
	return times{command.ProcessState.UserTime() + command.ProcessState.SystemTime(), time.Since(began)}
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}
