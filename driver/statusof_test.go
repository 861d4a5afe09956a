package driver

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/orchestra-ci/orchestra-k8s/render"
)

const recordedPods = "../testdata/pods"

var update = flag.Bool("update", false, "write the golden files anew")

// TestStatusOf reads what statusOf says of every pod in testdata/pods as one table, so that a change shows as a whole.
func TestStatusOf(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(recordedPods, "*.yaml"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	var table strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		r := readRecord(t, string(text))
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		fmt.Fprintf(&table, "%s: %s, done %t, exit code %d\n", name, r.status.reason, r.status.done, r.status.exitCode)
		if r.status.message != "" {
			fmt.Fprintf(&table, "  %s\n", r.status.message)
		}
		assertSound(t, name, r)
	}
	golden := filepath.Join(recordedPods, "outcomes.golden")
	if *update {
		require.NoError(t, os.WriteFile(golden, []byte(table.String()), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	assert.Equal(t, string(want), table.String())
}

// assertSound checks what holds for every status.
func assertSound(t *testing.T, name string, r record) {
	t.Helper()
	s := r.status
	assert.NotEmpty(t, s.reason, name)
	if s.done {
		assert.Equal(t, s.reason == ReasonCompleted, s.exitCode == 0, "%s: exit code 0 is the only success", name)
		assert.Contains(t, []stage{stageOver, stageStarting}, r.stage, "%s: done at its end, or before a start that cannot be", name)
		assert.Equal(t, s.reason == ReasonCompleted, advice[s.reason] == "", "%s: whatever is no success comes with an advice", name)
		assert.Equal(t, s.reason == ReasonCompleted, strings.TrimSuffix(s.message, advice[s.reason]) == "", "%s: and with what the cluster said", name)
	} else {
		assert.Equal(t, exitUnderWay, s.exitCode, name)
		assert.NotEqual(t, stageOver, r.stage, name)
	}
	if s.message != "" && advice[s.reason] != "" {
		assert.True(t, strings.HasSuffix(s.message, advice[s.reason]), "%s: the advice comes last: %q", name, s.message)
	}
}

func TestStdinDecidesOnExitCodeZeroOnly(t *testing.T) {
	for value, want := range map[string]struct{ zero, seven string }{
		stdinPending:              {ReasonCompleted, ReasonError},
		stdinSending:              {ReasonStdinOpen, ReasonError},
		stdinDelivered:            {ReasonCompleted, ReasonError},
		stdinUnread:               {ReasonCompleted, ReasonError},
		stdinIncomplete + ": cut": {ReasonStdinIncomplete, ReasonError},
	} {
		assert.Equal(t, want.zero, readRecord(t, completedPod, annotated(AnnotationStdin, value)).status.reason, value)
		assert.Equal(t, want.seven, readRecord(t, failedPod, annotated(AnnotationStdin, value)).status.reason, value)
	}
}

func TestDeletedWhileItRanIsNoSuccess(t *testing.T) {
	grace := int64(10)
	for second, want := range map[int]string{49: ReasonCompleted, 50: ReasonDeleted, 51: ReasonDeleted} {
		r := readRecord(t, completedPod, deleting, func(pod *corev1.Pod) {
			pod.DeletionGracePeriodSeconds = &grace // asked for at 00:00:50, to be over at 00:01:00
			pod.Status.ContainerStatuses[0].State.Terminated.FinishedAt = metav1.Date(2026, 1, 1, 0, 0, second, 0, time.UTC)
		})
		assert.Equal(t, want, r.status.reason, "it ended in second %d", second)
		assert.Equal(t, want == ReasonCompleted, r.status.exitCode == 0)
	}
}

// The kubelet shows the end of a container before it says that it was the deadline that has ended it.
func TestEndedByTheDeadlineIsNoSuccessBeforeTheKubeletSaysSo(t *testing.T) {
	limit := int64(10)
	for second, want := range map[int]string{49: ReasonCompleted, 50: ReasonDeadlineExceeded, 51: ReasonDeadlineExceeded} {
		r := readRecord(t, completedPod, func(pod *corev1.Pod) {
			start := metav1.Date(2026, 1, 1, 0, 0, 40, 0, time.UTC)
			pod.Spec.ActiveDeadlineSeconds, pod.Status.StartTime, pod.Status.Phase = &limit, &start, corev1.PodRunning
			pod.Status.ContainerStatuses[0].State.Terminated.FinishedAt = metav1.Date(2026, 1, 1, 0, 0, second, 0, time.UTC)
		})
		assert.Equal(t, want, r.status.reason, "it ended in second %d", second)
		assert.Equal(t, want == ReasonCompleted, r.status.exitCode == 0)
		assert.True(t, r.status.done)
	}
}

// What waits for commands has no log to read.
func TestStatusOfWhatWaitsForCommands(t *testing.T) {
	const words, killed = "The process that waited for commands ended with exit code ", "If it was killed for want of memory, raise "
	for role, limit := range map[render.Role]string{
		render.RoleSandbox: "Task.ContainerLimits.Memory", render.RoleCopy: "the value helper.resources.limits.memory",
	} {
		for code, message := range map[int32]string{1: words + "1.", 137: words + "137. " + killed + limit + "."} {
			r := readRecord(t, failedPod, func(pod *corev1.Pod) {
				pod.Labels = map[string]string{render.KeyRole: string(role)}
				pod.Status.ContainerStatuses[0].State.Terminated.ExitCode = code
			})
			assert.Equal(t, status{done: true, exitCode: int(code), reason: ReasonError, message: message}, r.status)
		}
	}
}

func TestPlainDeletionIsSaidOnce(t *testing.T) {
	r := readRecord(t, runningPod, deleting)
	assert.Equal(t, underWay(ReasonStopping, "The pod is being deleted"), r.status)
}

func TestMarkSurvivesItsAnnotation(t *testing.T) {
	end := underWay(ReasonImageNotFound, "ErrImagePull: x: y").inVain("The start deadline of 5m0s has passed")
	read, ok := failedMark(map[string]string{AnnotationFailed: end.mark()})
	require.True(t, ok)
	assert.Equal(t, end, read)
	_, ok = failedMark(nil)
	assert.False(t, ok)
}
