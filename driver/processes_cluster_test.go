package driver

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/types"

	"github.com/orchestra-ci/orchestra-k8s/internal/testcluster"
	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

// TestClusterClosedTasksLeaveNoProcess looks at the node, which is this machine: what the API server says of a pod is not yet
// what runs.
func TestClusterClosedTasksLeaveNoProcess(t *testing.T) {
	require.NotEmpty(t, testcluster.ReadInfo(t).NodeName, "the development cluster has no node: run make cluster-up")
	d, _ := onCluster(t, uniqueNamespace(), nil)
	tasks := []orchestra.Task{sleeper("plain"), sleeper("stubborn")}
	tasks[1].Command = []string{"sh", "-c", "trap '' TERM; while true; do sleep 3600 & wait; done"} // lives until it is killed
	require.NoError(t, d.watch.start(long(t)))
	var pods []types.UID
	for _, task := range tasks {
		c := run(t, d, task)
		_, err := d.watch.wait(long(t), c.uid, func(r record) bool { return r.stage == stageRunning })
		require.NoError(t, err)
		require.Eventually(t, func() bool { return strings.Contains(processes(t, c.uid), "sleep 3600") }, time.Minute, 50*time.Millisecond)
		pods = append(pods, c.uid)
	}
	require.NoError(t, d.Close())
	for i, pod := range pods {
		assert.Empty(t, processes(t, pod), tasks[i].ID)
	}
}

// processes lists the command lines of a pod's processes on this machine, by the control group that the kubelet named after it.
func processes(t *testing.T, pod types.UID) string {
	t.Helper()
	groups, err := filepath.Glob("/proc/[0-9]*/cgroup")
	require.NoError(t, err)
	var found strings.Builder
	for _, group := range groups {
		content, err := os.ReadFile(group)
		if err != nil || !bytes.Contains(content, []byte(pod)) {
			continue // another one's, or it has just ended
		}
		line, _ := os.ReadFile(filepath.Join(filepath.Dir(group), "cmdline"))
		fmt.Fprintln(&found, strings.ReplaceAll(string(line), "\x00", " "))
	}
	return found.String()
}
