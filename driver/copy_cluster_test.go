package driver

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
	"github.com/orchestra-ci/orchestra-k8s/render"
)

func newVolume(t *testing.T, d *Driver, name string) {
	t.Helper()
	_, err := d.CreateVolume(t.Context(), name, 0)
	require.NoError(t, err)
}

// archived reads a tar stream to its end: headers by clean name, with the sha256 of the content in place of the PAX records.
func archived(t *testing.T, stream io.ReadCloser) map[string]*tar.Header {
	t.Helper()
	defer stream.Close()
	found := map[string]*tar.Header{}
	for r := tar.NewReader(stream); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return found
		}
		require.NoError(t, err)
		sum := sha256.New()
		_, err = io.Copy(sum, r)
		require.NoError(t, err)
		h.PAXRecords = map[string]string{"sha256": fmt.Sprintf("%x", sum.Sum(nil))}
		found[path.Clean(h.Name)] = h
	}
}

// helperPods are the helpers that exist and are not being deleted.
func helperPods(t *testing.T, d *Driver) []*unstructured.Unstructured {
	t.Helper()
	return slices.DeleteFunc(allHelperPods(t, d), func(pod *unstructured.Unstructured) bool { return pod.GetDeletionTimestamp() != nil })
}

// allHelperPods are the helpers that exist.
func allHelperPods(t *testing.T, d *Driver) []*unstructured.Unstructured {
	t.Helper()
	selector := d.selector() + "," + render.KeyRole + "=" + string(render.RoleCopy)
	pods, err := d.list(t.Context(), podKind, selector, func(*unstructured.Unstructured) bool { return true })
	require.NoError(t, err)
	return pods
}

func TestClusterCopyKeepsContents(t *testing.T) {
	d, _ := onCluster(t, uniqueNamespace(), nil)
	newVolume(t, d, "one")
	newVolume(t, d, "two")
	at := time.Unix(1e9, 0)
	headers := []tar.Header{
		{Name: "dir/", Typeflag: tar.TypeDir, Mode: 0o555, ModTime: at}, {Name: "dir/-rf", Mode: 0o4751, ModTime: at},
		{Name: "dir/sub/", Typeflag: tar.TypeDir, Mode: 0o711, ModTime: at.Add(time.Hour)}, {Name: "dir/sub/line\nbreak ' $(x)", Mode: 0o600, ModTime: at},
		{Name: "empty/", Typeflag: tar.TypeDir, Mode: 0o700, ModTime: at}, {Name: "link", Linkname: "dir/-rf", Typeflag: tar.TypeSymlink, Mode: 0o777, ModTime: at},
		{Name: "ü/日本/" + strings.Repeat("long", 50), Mode: 0o644, ModTime: at}, {Name: "--help", Mode: 0o644, ModTime: at},
		{Name: "twin", Linkname: "--help", Typeflag: tar.TypeLink, Mode: 0o644, ModTime: at},
	}
	require.NoError(t, d.CopyToVolume(t.Context(), "one", bytes.NewReader(entries(t, headers...))))
	out, err := d.CopyFromVolume(t.Context(), "one")
	require.NoError(t, err)
	require.NoError(t, d.CopyToVolume(t.Context(), "two", out))
	require.NoError(t, out.Close())
	again, err := d.CopyFromVolume(t.Context(), "two")
	require.NoError(t, err)
	found := archived(t, again)
	for _, want := range headers {
		got := found[path.Clean(want.Name)]
		if !assert.NotNil(t, got, want.Name) {
			continue
		}
		if want.Typeflag == tar.TypeSymlink { // busybox has no time for it
			assert.Equal(t, want.Linkname, got.Linkname)
			continue
		}
		assert.Equal(t, want.ModTime.Unix(), got.ModTime.Unix(), want.Name)
		assert.Equal(t, want.Mode, got.Mode, want.Name)
		if want.Typeflag == 0 && got.Typeflag == tar.TypeReg {
			assert.Equal(t, fmt.Sprintf("%x", sha256.Sum256([]byte(want.Name))), got.PAXRecords["sha256"], want.Name)
		}
	}
	assert.Len(t, helperPods(t, d), 2, "one for each volume, as they are used again")
	part, err := d.ReadFilesFromVolume(t.Context(), "two", "dir/sub", "--help", "./--help")
	require.NoError(t, err)
	assert.Len(t, archived(t, part), 3)
}

// What a task writes reaches a task that mounts another volume.
func TestClusterCopyFromTaskToTask(t *testing.T) {
	d, _ := onCluster(t, uniqueNamespace(), nil)
	newVolume(t, d, "two")
	run := func(id, volume, script string) string {
		c, err := d.RunContainer(t.Context(), orchestra.Task{
			ID: id, Image: "busybox", Command: []string{"sh", "-c", "cd data && " + script}, Mounts: orchestra.Mounts{{Name: volume, Path: "data"}},
		})
		require.NoError(t, err)
		end, out := finish(t, c)
		require.Zero(t, end.ExitCode(), out)
		return out
	}
	sums := "find . -type f | sort | xargs sha256sum"
	wrote := run("writer", "one", "head -c 20000000 /dev/urandom >big; mkdir -p a/b; for i in $(seq 500); do echo $i >a/b/$i; done; "+sums)
	out, err := d.CopyFromVolume(t.Context(), "one")
	require.NoError(t, err)
	require.NoError(t, d.CopyToVolume(t.Context(), "two", out))
	require.NoError(t, out.Close())
	assert.Equal(t, wrote, run("reader", "two", sums))
	assert.Equal(t, 501, countLines(wrote))
}

func TestClusterCopyHelpersGo(t *testing.T) {
	d, _ := onCluster(t, uniqueNamespace(), func(cfg *Config) { cfg.HelperIdle = time.Second })
	newVolume(t, d, "volume")
	none := func() bool { return len(helperPods(t, d)) == 0 }

	require.NoError(t, d.CopyToVolume(t.Context(), "volume", bytes.NewReader(entries(t, tar.Header{Name: "file"}))))
	eventually(t, "a helper that is idle goes", none)

	ctx, cancel := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	go func() {
		_, _ = writer.Write(entries(t, tar.Header{Name: "file"})[:512])
		cancel()
	}()
	require.ErrorIs(t, d.CopyToVolume(ctx, "volume", reader), context.Canceled)
	assert.NoError(t, reader.Close())
	eventually(t, "after a cancelled copy the helper goes in the background", none)

	require.Error(t, d.CopyToVolume(t.Context(), "volume", bytes.NewReader(entries(t, tar.Header{Name: "file/x"}))), "there is a file of that name")
	assert.Empty(t, helperPods(t, d), "after a copy that failed in the helper")

	stream, err := d.CopyFromVolume(t.Context(), "volume")
	require.NoError(t, err)
	require.NoError(t, stream.Close())
	assert.Empty(t, helperPods(t, d), "after a stream that was not read")

	ctx, cancel = context.WithCancel(t.Context())
	stream, err = d.CopyFromVolume(ctx, "volume")
	require.NoError(t, err)
	cancel()
	_, err = io.Copy(io.Discard, stream)
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, stream.Close())
	eventually(t, "after a cancelled stream the helper goes in the background", none)
}

func TestClusterCopyIsCut(t *testing.T) {
	namespace := uniqueNamespace()
	direct, _ := onCluster(t, namespace, nil)
	newVolume(t, direct, "volume")
	newVolume(t, direct, "half")
	archive := func() io.Reader {
		header := &bytes.Buffer{}
		require.NoError(t, tar.NewWriter(header).WriteHeader(&tar.Header{Name: "big", Size: 30 << 20, Mode: 0o644}))
		return io.MultiReader(header, noise(30<<20), bytes.NewReader(make([]byte, 1024)))
	}
	require.NoError(t, direct.CopyToVolume(t.Context(), "volume", archive()))
	for name, limit := range map[string]cutAfter{"into the cluster": {sent: 10 << 20}, "out of it": {received: 10 << 20}} {
		d, _ := onCluster(t, namespace, func(cfg *Config) {
			cfg.RESTConfig.Host = "https://" + startCutter(t, strings.TrimPrefix(cfg.RESTConfig.Host, "https://"), limit)
		})
		if name == "into the cluster" {
			require.Error(t, d.CopyToVolume(t.Context(), "half", archive()))
			continue
		}
		stream, err := d.CopyFromVolume(t.Context(), "volume")
		require.NoError(t, err)
		_, err = io.Copy(io.Discard, stream)
		require.Error(t, err, name)
		require.NoError(t, stream.Close())
	}
}

func TestClusterCopyManySmallFiles(t *testing.T) {
	copyManyFiles(t, 20_000, func(i int) string { return fmt.Sprintf("%d/%d", i/1000, i) })
}

// copyManyFiles copies files that hold their names, a thousand in each directory, into a volume and out of it, and looks at each.
func copyManyFiles(t *testing.T, files int, name func(i int) string) {
	t.Helper()
	d, _ := onCluster(t, uniqueNamespace(), nil)
	newVolume(t, d, "volume")
	reader, writer := io.Pipe()
	go func() {
		w := tar.NewWriter(writer)
		for i := range files {
			_ = w.WriteHeader(&tar.Header{Name: name(i), Size: int64(len(name(i))), Mode: 0o644})
			_, _ = io.WriteString(w, name(i)) // what cannot be written fails the Close
		}
		writer.CloseWithError(w.Close())
	}()
	begin := time.Now()
	require.NoError(t, d.CopyToVolume(t.Context(), "volume", reader))
	in := time.Since(begin)
	stream, err := d.CopyFromVolume(t.Context(), "volume")
	require.NoError(t, err)
	found := archived(t, stream)
	t.Logf("%d files: in %s, out %s", files, in, time.Since(begin)-in)
	assert.Len(t, found, files+files/1000)
	for i := range files {
		require.NotNil(t, found[name(i)], "%q", name(i))
		require.Equal(t, fmt.Sprintf("%x", sha256.Sum256([]byte(name(i)))), found[name(i)].PAXRecords["sha256"], "%q", name(i))
	}
}

func TestClusterCopyRefusesWhatATaskHasLinkedOutside(t *testing.T) {
	d, _ := onCluster(t, uniqueNamespace(), nil)
	newVolume(t, d, "volume")
	c := run(t, d, orchestra.Task{
		ID: "linker", Image: "busybox", Command: []string{"sh", "-c", "cd data && ln -s /etc out && ln -s . in && echo hello >file"},
		Mounts: orchestra.Mounts{{Name: "volume", Path: "data"}},
	})
	end, _ := finish(t, c)
	require.Zero(t, end.ExitCode())
	require.Error(t, d.CopyToVolume(t.Context(), "volume", bytes.NewReader(entries(t, tar.Header{Name: "out/passwd"}))))
	for _, file := range []string{"out/passwd", "out"} {
		stream, err := d.ReadFilesFromVolume(t.Context(), "volume", file)
		require.NoError(t, err)
		_, err = io.Copy(io.Discard, stream)
		require.ErrorContains(t, err, "outside of the volume", file)
		require.ErrorContains(t, err, "out", file)
		require.NoError(t, stream.Close())
	}
	stream, err := d.CopyFromVolume(t.Context(), "volume")
	require.NoError(t, err)
	_, err = io.Copy(io.Discard, stream)
	require.ErrorContains(t, err, `it links to "/etc", which lies outside of the volume`)
	require.NoError(t, stream.Close())
	stream, err = d.ReadFilesFromVolume(t.Context(), "volume", "not\nthere", "file", "-nor this")
	require.NoError(t, err)
	_, err = io.Copy(io.Discard, stream)
	require.ErrorContains(t, err, `path "not\nthere": it does not exist`)
	require.ErrorContains(t, err, `path "-nor this": it does not exist`)
	require.NotContains(t, err.Error(), `"file"`)
	require.NoError(t, stream.Close())
	stream, err = d.ReadFilesFromVolume(t.Context(), "volume", "in/file")
	require.NoError(t, err)
	assert.Len(t, archived(t, stream), 1)
}

// Callers may hold many streams open before they read any: what the helper keeps of each must find room.
func TestClusterManyCopiesAtATime(t *testing.T) {
	d, _ := onCluster(t, uniqueNamespace(), nil)
	newVolume(t, d, "volume")
	const size = 16 << 20
	var data bytes.Buffer
	w := tar.NewWriter(&data)
	require.NoError(t, w.WriteHeader(&tar.Header{Name: "file", Typeflag: tar.TypeReg, Size: size}))
	_, err := w.Write(bytes.Repeat([]byte("0123456789abcdef"), size/16))
	require.NoError(t, errors.Join(err, w.Close()))
	require.NoError(t, d.CopyToVolume(t.Context(), "volume", &data))
	streams := make([]io.ReadCloser, 12)
	for i := range streams {
		streams[i], err = d.CopyFromVolume(t.Context(), "volume")
		require.NoError(t, err)
	}
	for i, stream := range streams {
		assert.Len(t, archived(t, stream), 1, "stream %d", i)
	}
}
