package archive

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestThereAndBack(t *testing.T) {
	source, target := t.TempDir(), filepath.Join(t.TempDir(), "new")
	at := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
	require.NoError(t, os.MkdirAll(filepath.Join(source, "empty"), 0o755))
	file := filepath.Join(source, "a dir", "-odd\nnäme")
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
	require.NoError(t, os.WriteFile(file, []byte("content"), 0o600))
	require.NoError(t, os.Chmod(file, 0o741))
	require.NoError(t, os.Chtimes(file, at, at))
	require.NoError(t, os.Symlink("-odd\nnäme", filepath.Join(source, "a dir", "link")))
	size, err := Size(source)
	require.NoError(t, err)
	assert.Equal(t, int64(len("content")), size)

	for range 2 { // the second time over what is there
		var stream bytes.Buffer
		require.NoError(t, Pack(t.Context(), &stream, source, "in/side"))
		require.NoError(t, Unpack(&stream, target))
	}
	arrived := filepath.Join(target, "in", "side", "a dir", "-odd\nnäme")
	content, err := os.ReadFile(arrived)
	require.NoError(t, err)
	assert.Equal(t, "content", string(content))
	info, err := os.Stat(arrived)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o741), info.Mode())
	assert.True(t, at.Equal(info.ModTime()))
	link, err := os.Readlink(filepath.Join(target, "in", "side", "a dir", "link"))
	require.NoError(t, err)
	assert.Equal(t, "-odd\nnäme", link)
	assert.DirExists(t, filepath.Join(target, "in", "side", "empty"))
}

func TestAFileKeepsItsName(t *testing.T) {
	file := filepath.Join(t.TempDir(), "one")
	require.NoError(t, os.WriteFile(file, []byte("1"), 0o600))
	var stream bytes.Buffer
	require.NoError(t, Pack(t.Context(), &stream, file, ""))
	header, err := tar.NewReader(&stream).Next()
	require.NoError(t, err)
	assert.Equal(t, "one", header.Name)
}

func TestWhatCannotBePacked(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600))
	assert.ErrorContains(t, Pack(t.Context(), io.Discard, dir, ""), "which cannot be copied")
	assert.ErrorIs(t, Pack(t.Context(), io.Discard, filepath.Join(dir, "nothing"), ""), os.ErrNotExist)
}

func TestNothingIsWrittenOutside(t *testing.T) {
	for name, headers := range map[string][]tar.Header{
		"absolute":     {{Name: "/etc/x", Typeflag: tar.TypeReg}},
		"upwards":      {{Name: "a/../../x", Typeflag: tar.TypeReg}},
		"link outward": {{Name: "l", Linkname: "../x", Typeflag: tar.TypeSymlink}},
		"absolute link": {
			{Name: "l", Linkname: "/tmp", Typeflag: tar.TypeSymlink},
		},
		"link over a link": {
			{Name: "d/m", Linkname: ".", Typeflag: tar.TypeSymlink}, {Name: "d/l", Linkname: "m/../..", Typeflag: tar.TypeSymlink},
		},
		"device": {{Name: "d", Typeflag: tar.TypeChar}},
	} {
		var stream bytes.Buffer
		writer := tar.NewWriter(&stream)
		for _, header := range headers {
			require.NoError(t, writer.WriteHeader(&header))
		}
		require.NoError(t, writer.Close())
		parent := t.TempDir()
		assert.Error(t, Unpack(&stream, filepath.Join(parent, "dir")), name)
		entries, err := os.ReadDir(parent)
		require.NoError(t, err)
		assert.Len(t, entries, 1, name)
	}
}

func TestACutStreamIsAnError(t *testing.T) {
	source := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(source, "a"), bytes.Repeat([]byte("x"), 10_000), 0o600))
	var stream bytes.Buffer
	require.NoError(t, Pack(t.Context(), &stream, source, ""))
	assert.ErrorIs(t, Unpack(bytes.NewReader(stream.Bytes()[:5000]), t.TempDir()), io.ErrUnexpectedEOF)
}
