package image

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRootFileSystem(t *testing.T) {
	archive, err := rootfs([]byte("program"), []string{"bin/busybox", "bin/sh", "usr/bin/env"})
	require.NoError(t, err)
	headers := map[string]*tar.Header{}
	content := map[string]string{}
	for r := tar.NewReader(bytes.NewReader(archive)); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		require.NotContains(t, headers, header.Name, "no entry twice")
		body, err := io.ReadAll(r)
		require.NoError(t, err)
		headers[header.Name], content[header.Name] = header, string(body)
	}
	assert.Equal(t, "program", content["bin/busybox"])
	assert.Equal(t, "/bin/busybox", headers["bin/sh"].Linkname)
	assert.Equal(t, "/bin/busybox", headers["usr/bin/env"].Linkname)
	assert.Equal(t, int64(0o1777), headers["tmp/"].Mode)
	assert.Contains(t, headers, "usr/bin/")
	assert.Contains(t, content["etc/passwd"], "nobody:x:65534:65534:")
	assert.Contains(t, content["etc/group"], "root:x:0:")
}

// fakeBusybox stands for the program: all that is asked of it is its applets.
func fakeBusybox(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "busybox")
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\necho bin/busybox\necho bin/sh\n"), 0o755))
	return path
}

func TestTheSameProgramGivesTheSameImage(t *testing.T) {
	busybox := fakeBusybox(t)
	first, err := Busybox(busybox)
	require.NoError(t, err)
	second, err := Busybox(busybox)
	require.NoError(t, err)
	a, err := first.Digest()
	require.NoError(t, err)
	b, err := second.Digest()
	require.NoError(t, err)
	assert.Equal(t, a, b)
}

func TestConfigurations(t *testing.T) {
	busybox := fakeBusybox(t)
	image, err := Busybox(busybox)
	require.NoError(t, err)
	file, err := image.ConfigFile()
	require.NoError(t, err)
	assert.Equal(t, "linux", file.OS)
	assert.Equal(t, []string{"sh"}, file.Config.Cmd)
	assert.Equal(t, []string{searchPath}, file.Config.Env)

	pause, err := Pause(busybox)
	require.NoError(t, err)
	file, err = pause.ConfigFile()
	require.NoError(t, err)
	assert.Equal(t, "/bin/busybox", file.Config.Entrypoint[0])
	assert.Empty(t, file.Config.Cmd)
}

func TestAProgramThatIsNotThere(t *testing.T) {
	_, err := Busybox("/nonexistent/busybox")
	require.ErrorContains(t, err, "making the busybox image")
	_, err = Pause("/nonexistent/busybox")
	assert.ErrorContains(t, err, "making the pause image")
}
