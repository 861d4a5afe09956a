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
		require.NoError(t, Unpack(&stream, "", target))
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

func TestAFileGetsAName(t *testing.T) {
	file := filepath.Join(t.TempDir(), "one")
	require.NoError(t, os.WriteFile(file, []byte("1"), 0o600))
	var stream bytes.Buffer
	require.NoError(t, Pack(t.Context(), &stream, file, "dir/two"))
	header, err := tar.NewReader(&stream).Next()
	require.NoError(t, err)
	assert.Equal(t, "dir/two", header.Name)
}

// packed is a stream of entries; every file holds one byte.
func packed(t *testing.T, headers ...tar.Header) io.Reader {
	t.Helper()
	var stream bytes.Buffer
	w := tar.NewWriter(&stream)
	for _, header := range headers {
		if header.Typeflag == tar.TypeReg {
			header.Size, header.Mode = 1, 0o644
		}
		require.NoError(t, w.WriteHeader(&header))
		if header.Typeflag == tar.TypeReg {
			_, err := w.Write([]byte("x"))
			require.NoError(t, err)
		}
	}
	require.NoError(t, w.Close())
	return &stream
}

func TestWhereAPathArrives(t *testing.T) {
	file, twin := tar.Header{Name: "./d/f", Typeflag: tar.TypeReg}, tar.Header{Name: "./d/t", Linkname: "./d/f", Typeflag: tar.TypeLink}
	dir, soft := tar.Header{Name: "./d/", Typeflag: tar.TypeDir, Mode: 0o755}, tar.Header{Name: "./d/l", Linkname: "f", Typeflag: tar.TypeSymlink}
	for name, c := range map[string]struct {
		of, target string
		stream     []tar.Header
		arrived    []string
	}{
		"all":                         {"", "out", []tar.Header{dir, file, twin, soft}, []string{"out/d/f", "out/d/t", "out/d/l"}},
		"a directory":                 {"d/", "out", []tar.Header{dir, file, twin, soft}, []string{"out/f", "out/t", "out/l"}},
		"a directory into another":    {"d", "there", []tar.Header{dir, file}, []string{"there/f"}},
		"a file by a new name":        {"d/f", "new/name", []tar.Header{file}, []string{"new/name"}},
		"a file over another":         {"./d/f", "there/old", []tar.Header{file}, []string{"there/old"}},
		"a file into a directory":     {"d/f", "there", []tar.Header{file}, []string{"there/f"}},
		"a file into a new directory": {"d/f", "new/", []tar.Header{file}, []string{"new/f"}},
		"a file here":                 {"d/f", ".", []tar.Header{file}, []string{"f"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			require.NoError(t, os.Mkdir("there", 0o755))
			require.NoError(t, os.WriteFile("there/old", []byte("old"), 0o600))
			require.NoError(t, Unpack(packed(t, c.stream...), c.of, c.target))
			for _, arrived := range c.arrived {
				content, err := os.ReadFile(arrived)
				require.NoError(t, err)
				assert.Equal(t, "x", string(content))
			}
		})
	}
}

func TestWhatWasNotAskedForIsRefused(t *testing.T) {
	other := packed(t, tar.Header{Name: "d/f", Typeflag: tar.TypeReg}, tar.Header{Name: "e", Typeflag: tar.TypeReg})
	assert.ErrorContains(t, Unpack(other, "d", t.TempDir()), `"e" leads out`)
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
		assert.Error(t, Unpack(&stream, "", filepath.Join(parent, "dir")), name)
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
	assert.ErrorIs(t, Unpack(bytes.NewReader(stream.Bytes()[:5000]), "", t.TempDir()), io.ErrUnexpectedEOF)
}
