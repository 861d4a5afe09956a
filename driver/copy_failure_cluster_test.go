package driver

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchestra-ci/orchestra-k8s/internal/testcluster"
)

// bigArchive is a tar stream of one file.
func bigArchive(t *testing.T, size int64) io.Reader {
	t.Helper()
	header := &bytes.Buffer{}
	require.NoError(t, tar.NewWriter(header).WriteHeader(&tar.Header{Name: "big", Size: size, Mode: 0o644}))
	return io.MultiReader(header, noise(size), bytes.NewReader(make([]byte, 1024)))
}

// The volume is a file system in memory of this machine, which the development cluster's node runs on.
func TestClusterCopyIntoAFullVolume(t *testing.T) {
	info := testcluster.ReadInfo(t)
	namespace := uniqueNamespace()
	d, _ := onCluster(t, namespace, func(cfg *Config) { cfg.Values["storageClassName"] = namespace })
	dir := t.TempDir()
	said, err := exec.CommandContext(t.Context(), "mount", "-t", "tmpfs", "-o", "size=4m", "orchestra-test", dir).CombinedOutput()
	require.NoError(t, err, string(said))
	t.Cleanup(func() { assert.NoError(t, exec.Command("umount", "--lazy", dir).Run()) }) //nolint:noctx // the test's context has ended
	newStorage(t, d, namespace, dir, info.NodeName)
	newVolume(t, d, "volume")

	err = d.CopyToVolume(t.Context(), "volume", bigArchive(t, 20<<20))
	require.Error(t, err)
	assert.Contains(t, strings.ToLower(err.Error()), "no space left on device")
	many := make([]tar.Header, 3000) // each takes a page
	for i := range many {
		many[i].Name = strings.Repeat("x", i/30+1) + strings.Repeat("y", i%30)
	}
	err = d.CopyToVolume(t.Context(), "volume", bytes.NewReader(entries(t, many...)))
	require.Error(t, err)
	assert.Contains(t, strings.ToLower(err.Error()), "no space left on device")
	assert.Empty(t, helperPods(t, d))
}

// moreThanInFlight is in no danger of being under way as a whole: each of the connections on the way holds up to 36 MiB if the kernel lets it
// (tcp_rmem, tcp_wmem).
const moreThanInFlight = 256 << 20

// A tar that dies ends the copy, in both directions, also when the other end has nothing to say for the moment.
func TestClusterCopyByATarThatDies(t *testing.T) {
	d, _ := onCluster(t, uniqueNamespace(), nil)
	ctx := long(t)
	newVolume(t, d, "volume")
	kill := func() {
		d.helpers.mu.Lock()
		h := d.helpers.byVolume["volume"]
		d.helpers.mu.Unlock()
		_, err := d.exec(ctx, process{
			pod: h.c.pod(), tool: helperTool, command: []string{helperTool, "sh", "-c", "until killall -9 tar; do sleep 0.1; done"},
			stdout: io.Discard, stderr: io.Discard, frame: stdinFrame,
		}, func() error { return nil })
		require.NoError(t, err)
	}
	require.NoError(t, d.CopyToVolume(ctx, "volume", bigArchive(t, 512))) // starts the helper
	stalled, writer := io.Pipe()
	defer writer.Close()
	result := make(chan error, 1)
	go func() {
		result <- d.CopyToVolume(ctx, "volume", io.MultiReader(io.LimitReader(bigArchive(t, 30<<20), 15<<20), stalled))
	}()
	kill()
	require.ErrorContains(t, <-result, "tar ended with exit code 137")

	require.NoError(t, d.CopyToVolume(ctx, "volume", bigArchive(t, moreThanInFlight)))
	stream, err := d.CopyFromVolume(ctx, "volume")
	require.NoError(t, err)
	_, err = io.ReadFull(stream, make([]byte, 1<<20))
	require.NoError(t, err)
	kill()
	_, err = io.Copy(io.Discard, stream)
	require.ErrorContains(t, err, "tar ended with exit code 137")
	require.NoError(t, stream.Close())
}

// A reader whose own disk is full keeps its error, and leaves nothing behind.
func TestClusterCopyOutToAFullDisk(t *testing.T) {
	d, _ := onCluster(t, uniqueNamespace(), nil)
	newVolume(t, d, "volume")
	require.NoError(t, d.CopyToVolume(t.Context(), "volume", bigArchive(t, 30<<20)))
	stream, err := d.CopyFromVolume(t.Context(), "volume")
	require.NoError(t, err)
	full := errors.New("no space left on device")
	_, err = io.Copy(onlyWriter{&smallDisk{room: 5 << 20, err: full}}, stream)
	require.ErrorIs(t, err, full)
	require.NoError(t, stream.Close())
	assert.Empty(t, helperPods(t, d))
	require.ErrorIs(t, d.CopyToVolume(t.Context(), "volume", io.MultiReader(io.LimitReader(bigArchive(t, 30<<20), 5<<20), iotest.ErrReader(errReader))), errReader)
	assert.Empty(t, helperPods(t, d))
}

// Close ends copies that wait for their caller, and leaves nothing of them.
func TestClusterCloseEndsCopies(t *testing.T) {
	d, _ := onCluster(t, uniqueNamespace(), nil)
	newVolume(t, d, "volume")
	require.NoError(t, d.CopyToVolume(t.Context(), "volume", bigArchive(t, 30<<20)))
	stream, err := d.CopyFromVolume(t.Context(), "volume")
	require.NoError(t, err)
	_, err = io.ReadFull(stream, make([]byte, 1<<20))
	require.NoError(t, err)
	stalled, writer := io.Pipe()
	defer writer.Close()
	result := make(chan error, 1)
	go func() { result <- d.CopyToVolume(t.Context(), "volume", stalled) }()
	_, err = io.CopyN(writer, bigArchive(t, 30<<20), 15<<20)
	require.NoError(t, err)
	require.NoError(t, d.Close())
	require.ErrorIs(t, <-result, ErrClosed)
	_, err = io.Copy(io.Discard, stream)
	require.ErrorIs(t, err, ErrClosed)
	require.NoError(t, stream.Close())
	assert.Empty(t, left(t, d))
}

// smallDisk has some room.
type smallDisk struct {
	room int
	err  error
}

func (w *smallDisk) Write(p []byte) (int, error) {
	if w.room -= len(p); w.room < 0 {
		return 0, w.err
	}
	return len(p), nil
}
