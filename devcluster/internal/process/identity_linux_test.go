package process

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fields are those of a stat line from the third on, up to the start time 4242.
const fields = " 1 1 1 0 -1 4194560 100 0 0 0 0 0 0 0 20 0 1 0 4242 1000 100\n"

func TestParseStat(t *testing.T) {
	for _, name := range []string{"sleep", "a b", "a) S (b", ""} {
		start, ended, err := parseStat("7 (" + name + ") S" + fields)
		require.NoError(t, err, name)
		assert.Equal(t, uint64(4242), start, name)
		assert.False(t, ended, name)
	}
}

func TestAZombieHasEnded(t *testing.T) {
	_, ended, err := parseStat("7 (sleep) Z" + fields)
	require.NoError(t, err)
	assert.True(t, ended)
}

// leaderless makes this very program a process whose first thread, on which init runs, is over while others go on.
const leaderless = "DEVCLUSTER_TEST_LEADERLESS"

func init() {
	if os.Getenv(leaderless) != "" {
		_, _, _ = syscall.RawSyscall(syscall.SYS_EXIT, 0, 0, 0)
	}
}

func TestAProcessHasEndedWithItsLastThread(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), leaderless+"=1")
	require.NoError(t, cmd.Start())
	pid := cmd.Process.Pid
	require.Eventually(t, func() bool {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		return err == nil && strings.Contains(string(stat), ") Z ")
	}, time.Minute, 10*time.Millisecond)
	id, err := Of(pid)
	require.NoError(t, err, "its other threads hold its files and ports")
	require.NoError(t, id.Stop(t.Context(), 0))
	assert.False(t, id.Alive())
	require.Error(t, cmd.Wait(), "it was killed")
}

func TestStatLineThatIsCutOff(t *testing.T) {
	for _, stat := range []string{"", "7 (sleep", "7 (sleep) S 1 1"} {
		_, _, err := parseStat(stat)
		assert.ErrorContains(t, err, "unexpected stat line", stat)
	}
}
