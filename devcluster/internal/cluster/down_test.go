package cluster

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/process"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestDownWithoutACluster(t *testing.T) {
	c := stopped(t)
	require.NoError(t, c.Down(t.Context()))
	require.NoError(t, c.Down(t.Context()))
	assert.NoDirExists(t, c.Dir)
}

func TestDownEndsWhatIsRecordedAndWhatIsNot(t *testing.T) {
	c := stopped(t)
	shell := component{name: "recorded", program: "/bin/sh", args: []string{"-c", "exec sleep 600"}}
	require.NoError(t, c.start(shell))
	recorded := c.state.Processes["recorded"]
	require.NoError(t, c.start(shell))
	other := c.state.Processes["recorded"]
	require.NotEqual(t, recorded, other, "only one of the two is in the state")

	require.NoError(t, c.Down(t.Context()))
	assert.False(t, other.Alive())
	if marks, err := process.Marked(c.ID()); assert.NoError(t, err) {
		assert.Empty(t, marks)
	}
	require.NoError(t, recorded.Stop(t.Context(), 0), "not every system can find it")
}

func TestAFailedStartKeepsTheLogsOnly(t *testing.T) {
	c := stopped(t)
	require.NoError(t, c.saveState())
	require.NoError(t, writeFile(c.Log("etcd"), []byte("why\n")))
	require.NoError(t, c.clean(t.Context(), logs))
	left, err := os.ReadDir(c.Dir)
	require.NoError(t, err)
	require.Len(t, left, 1)
	assert.Equal(t, "logs", left[0].Name())
}

func TestADeadComponentEndsTheWaitWithItsLog(t *testing.T) {
	c := stopped(t)
	comp := component{
		name: "etcd", program: "/bin/sh", args: []string{"-c", "echo the reason; exit 3"},
		healthy: runtimeAnswers("/nonexistent"),
	}
	require.NoError(t, c.start(comp))
	err := c.await(t.Context(), comp)
	require.ErrorContains(t, err, "etcd has ended")
	assert.ErrorContains(t, err, "the reason")
}

func TestCommandsThatNeedACluster(t *testing.T) {
	c := stopped(t)
	var notUp *NotUpError
	require.ErrorAs(t, c.Ready(t.Context()), &notUp)
	require.ErrorAs(t, c.Restart(t.Context(), "etcd", true), &notUp)
	require.ErrorAs(t, c.Status(t.Context(), os.Stdout), &notUp)
	assert.ErrorContains(t, notUp, "devcluster up --name test")
}
