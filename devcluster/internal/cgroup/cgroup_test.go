package cgroup

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestVersion1(t *testing.T) {
	f := parse(`tmpfs /sys/fs/cgroup tmpfs rw 0 0
cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,cpu,cpuacct 0 0
cgroup /sys/fs/cgroup/cpuset cgroup rw,cpuset 0 0
cgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0
cgroup /sys/fs/cgroup/systemd cgroup rw,name=systemd 0 0
cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0
`)
	assert.False(t, f.unified)
	assert.Len(t, f.mounts, 5, "the version 2 beside them counts, as the runtime uses it")
	assert.True(t, f.has("cpu"))
	assert.True(t, f.has("cpuacct"))
	assert.Equal(t, []string{"pids"}, f.missing())
}

func TestVersion2(t *testing.T) {
	f := parse("cgroup2 /sys/fs/cgroup cgroup2 rw,nsdelegate 0 0\n")
	assert.True(t, f.unified)
	assert.Equal(t, []string{"/sys/fs/cgroup"}, f.mounts)
}

func TestNoControlGroups(t *testing.T) {
	assert.Equal(t, needed, parse("proc /proc proc rw 0 0\n").missing())
}

// plain is a version 2 file system made of ordinary files, which is enough to
// see which ones are read and written.
func plain(t *testing.T, controllers string) FS {
	root := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(root, "cgroup.controllers"), []byte(controllers), 0o600))
	return FS{root: root, unified: true, mounts: []string{root}}
}

func TestVersion2DelegatesEveryController(t *testing.T) {
	f := plain(t, "cpuset cpu io memory pids\n")
	require.Empty(t, f.missing())
	require.NoError(t, f.delegate(f.root))

	// Each write replaces the last in an ordinary file.
	last, err := os.ReadFile(filepath.Join(f.root, "cgroup.subtree_control"))
	require.NoError(t, err)
	assert.Equal(t, "+pids", string(last))
}

func TestVersion2MovesProcessesOutOfTheRoot(t *testing.T) {
	f := plain(t, "pids")
	require.NoError(t, os.WriteFile(filepath.Join(f.root, "cgroup.procs"), []byte("42\n"), 0o600))
	require.NoError(t, f.leaveRoot())

	moved, err := os.ReadFile(filepath.Join(f.root, "init", "cgroup.procs"))
	require.NoError(t, err)
	assert.Equal(t, "42", string(moved))
}

func TestProcessesOfAllGroupsBelow(t *testing.T) {
	f := FS{mounts: []string{t.TempDir(), t.TempDir()}}
	require.NoError(t, f.Create("ours"))
	for i, pids := range map[int]string{0: "3\n1\n", 1: "1\n2\n"} {
		child := filepath.Join(f.mounts[i], "ours", "kubepods", "pod1")
		require.NoError(t, os.MkdirAll(child, 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(child, "cgroup.procs"), []byte(pids), 0o600))
	}
	pids, err := f.Processes("ours")
	require.NoError(t, err)
	assert.Equal(t, []int{1, 2, 3}, pids)
}

func TestRemove(t *testing.T) {
	f := FS{mounts: []string{t.TempDir()}}
	require.NoError(t, f.Create("ours"))
	require.NoError(t, os.MkdirAll(filepath.Join(f.mounts[0], "ours", "a", "b"), 0o755))

	require.NoError(t, f.Remove("ours"))
	assert.NoDirExists(t, filepath.Join(f.mounts[0], "ours"))
	require.NoError(t, f.Remove("ours"), "removing twice is no error")

	none, err := f.Processes("ours")
	require.NoError(t, err)
	assert.Empty(t, none)
}
