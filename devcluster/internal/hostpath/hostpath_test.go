package hostpath

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestVolumesAreFoundInEtcdsFiles(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "member", "wal"), 0o755))
	const a, b = Folder + "/01234567-89ab-cdef-0123-456789abcdef", Folder + "/fedcba98-7654-3210-fedc-ba9876543210"
	files := map[string]string{
		"member/db":      "\x00\x12" + a + "\x00\x01" + a + Folder + "/short\x00" + Folder + "/../../etc",
		"member/wal/0.w": "\xff" + b + "\xff",
	}
	for name, content := range files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
	paths, err := find(dir)
	require.NoError(t, err)
	assert.Equal(t, map[string]bool{a: true, b: true}, paths)

	none, err := find(filepath.Join(dir, "none"))
	require.NoError(t, err)
	assert.Empty(t, none)
}

func TestVolumesAreOpenedNowAndLater(t *testing.T) {
	folder := t.TempDir()
	before, later := filepath.Join(folder, "before"), filepath.Join(folder, "later")
	outside := filepath.Join(t.TempDir(), "outside")
	require.NoError(t, os.Mkdir(outside, 0o700))
	require.NoError(t, os.Symlink(outside, filepath.Join(folder, "link")))
	require.NoError(t, os.Mkdir(before, 0o750))

	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- Open(ctx, folder) }()
	isOpen := func(path string) func() bool {
		return func() bool {
			info, err := os.Stat(path)
			return err == nil && info.Mode().Perm() == 0o777
		}
	}
	require.Eventually(t, isOpen(before), time.Minute, 10*time.Millisecond)
	require.NoError(t, os.Mkdir(later, 0o750))
	require.Eventually(t, isOpen(later), time.Minute, 10*time.Millisecond)
	cancel()
	require.NoError(t, <-ended)

	info, err := os.Stat(outside)
	require.NoError(t, err)
	assert.Equal(t, fs.FileMode(0o700), info.Mode().Perm(), "a link is not followed")
}

func TestTheFolderGoesWithTheLastCluster(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "volumes")
	require.NoError(t, prepare(folder, "a"))
	require.NoError(t, prepare(folder, "b"))
	require.NoError(t, prepare(folder, "b"), "preparing twice is no error")
	info, err := os.Stat(folder)
	require.NoError(t, err)
	assert.Equal(t, 0o777|fs.ModeSticky|fs.ModeDir, info.Mode(), "every user can add, none can remove another's")

	require.NoError(t, release(folder, "a"))
	assert.DirExists(t, folder, "b still runs")
	require.NoError(t, release(folder, "b"))
	assert.NoDirExists(t, folder)
	assert.NoError(t, release(folder, "b"), "letting go twice is no error")
}

func TestTheFolderIsNoLinkToAnotherOne(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "outside")
	require.NoError(t, os.Mkdir(outside, 0o700))
	folder := filepath.Join(t.TempDir(), "volumes")
	require.NoError(t, os.Symlink(outside, folder))
	require.Error(t, prepare(folder, "a"))
	info, err := os.Stat(outside)
	require.NoError(t, err)
	assert.Equal(t, fs.FileMode(0o700), info.Mode().Perm())
}

func TestAFolderThatVanishesIsReported(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "volumes")
	require.NoError(t, os.Mkdir(folder, 0o700))
	mark := filepath.Join(folder, "mark")
	require.NoError(t, os.Mkdir(mark, 0o700))
	ended := make(chan error, 1)
	go func() { ended <- Open(t.Context(), folder) }()
	require.Eventually(t, func() bool {
		info, err := os.Stat(mark)
		return err == nil && info.Mode().Perm() == 0o777
	}, time.Minute, 10*time.Millisecond, "it watches")
	require.NoError(t, os.RemoveAll(folder))
	assert.ErrorContains(t, <-ended, "somebody removed it")
}

func TestOpenWithoutAFolder(t *testing.T) {
	assert.ErrorContains(t, Open(t.Context(), filepath.Join(t.TempDir(), "none")), "watching")
}
