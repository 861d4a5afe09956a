package main

import (
	"archive/tar"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCopiesIntoAVolumeAndOutOfIt(t *testing.T) {
	t.Parallel()
	s := newScope(t)
	source, target := t.TempDir(), filepath.Join(t.TempDir(), "new")
	content := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	require.NoError(t, os.WriteFile(filepath.Join(source, "big"), content, 0o640))
	require.Zero(t, s.program("run", "maker", "--image", "busybox", "--rm", "-v", "data:data", "--", "true").code)
	got := s.program("cp", source, "data:in")
	require.Zero(t, got.code, got.err)
	got = s.program("run", "reader", "--image", "busybox", "-v", "data:data", "--", "sh", "-c", "wc -c < data/in/big; echo made > data/made")
	assert.Equal(t, "1048576\n", got.out, got.err)

	got = s.program("cp", "data:", target)
	require.Zero(t, got.code, got.err)
	copied, err := os.ReadFile(filepath.Join(target, "in", "big"))
	require.NoError(t, err)
	assert.True(t, bytes.Equal(content, copied))
	require.Zero(t, s.program("cp", "data:in", filepath.Join(target, "again")).code)
	assert.FileExists(t, filepath.Join(target, "again", "big"), "of a directory the content is copied")
	require.Zero(t, s.program("cp", "data:made", filepath.Join(target, "new name")).code)
	assert.FileExists(t, filepath.Join(target, "new name"))
	require.Zero(t, s.program("cp", filepath.Join(target, "new name"), "data:in/there").code)
	require.Zero(t, s.program("cp", "data:in/there", target).code)
	made, err := os.ReadFile(filepath.Join(target, "there"))
	require.NoError(t, err)
	assert.Equal(t, "made\n", string(made))

	got = s.program("cp", "data:made", "-")
	require.Zero(t, got.code, got.err)
	header, err := tar.NewReader(strings.NewReader(got.out)).Next()
	require.NoError(t, err)
	assert.Equal(t, "made", header.Name)
	got = s.program("cp", "data:no/such", "-")
	assert.Equal(t, exitFailure, got.code)
	assert.Contains(t, got.err, "no/such")
}

func TestMistakesOfCopies(t *testing.T) {
	mistake{[]string{"cp", "a", "b"}, exitUsage, []string{`copying "a" to "b": one of them has to be a volume`}}.check(t)
	mistake{[]string{"cp", "a:", "b:"}, exitUsage, []string{"one of them has to be a volume"}}.check(t)
	assert.Equal(t, place{path: "./a:b"}, parsePlace("./a:b"))
	assert.Equal(t, place{volume: "v", path: "p:q"}, parsePlace("v:p:q"))
}

func TestMeter(t *testing.T) {
	out := newScreen()
	c := &cli{streams: streams{err: out, live: true, width: 100}}
	m := c.newMeter(4 << 20)
	_, err := m.Write(make([]byte, 1<<20))
	require.NoError(t, err)
	assert.Equal(t, strings.Repeat("█", 7)+strings.Repeat("░", 23)+"  25%  1.0 MiB of 4.0 MiB\n", out.String())
	m.end()
	assert.Contains(t, out.String(), "1.0 MiB in ")
	assert.Equal(t, "512 B", size(512))
	assert.Equal(t, "1.5 GiB", size(3<<29))
}
