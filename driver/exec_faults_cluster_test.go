package driver

import (
	"archive/tar"
	"bytes"
	"context"
	"io"
	"net/http"
	"path"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchestra-ci/orchestra-k8s/internal/faultproxy"
)

// execSpoiler opens drivers whose next command meets a fault, and no other.
type execSpoiler struct {
	d    *Driver
	next atomic.Pointer[faultproxy.Fault]
}

func newExecSpoiler(t *testing.T, namespace string, wrap func(http.RoundTripper) http.RoundTripper) *execSpoiler {
	s := &execSpoiler{}
	proxy := faultproxy.Start(t, clusterConfig(t), func(r *http.Request) faultproxy.Fault {
		if strings.HasSuffix(r.URL.Path, "/exec") {
			if fault := s.next.Swap(nil); fault != nil {
				return *fault
			}
		}
		return faultproxy.Pass
	})
	config := proxy.Config()
	config.Wrap(wrap)
	var err error
	s.d, err = New(t.Context(), Config{Namespace: namespace, RESTConfig: config, Values: map[string]any{"terminationGracePeriodSeconds": 1}}, nil)
	require.NoError(t, err)
	s.d.trail = 100 * time.Millisecond
	t.Cleanup(s.d.Disconnect) // others use the namespace
	return s
}

// spoil is what happens to the next command.
func (s *execSpoiler) spoil(f faultproxy.Fault) { s.next.Store(&f) }

// protocols are how a driver reaches a command.
var protocols = map[string]func(http.RoundTripper) http.RoundTripper{"WebSocket": withoutExecSPDY, "SPDY": withoutExecSockets}

// ways are how a connection ends after some bytes. A swallowed one never does, so the caller's patience ends it.
var ways = map[string]struct {
	fault    func(bytes int64) faultproxy.Fault
	patience time.Duration
	points   []int64
	past     bool // the last points lie behind the end
}{
	"cut up":         {faultproxy.CutUpload, clusterTimeout, cutPoints, true},
	"cut down":       {faultproxy.CutDownload, clusterTimeout, cutPoints, true},
	"swallowed up":   {faultproxy.SwallowUpload, 3 * time.Second, []int64{0, 2000, 50_000, spoiledSize}, false},
	"swallowed down": {faultproxy.SwallowDownload, 3 * time.Second, []int64{0, 300, 50_000, spoiledSize}, false},
}

// spoiledSize is what a spoiled command is sent, and answers. The last cuts are in what follows it: the marks, their answer, the end.
const spoiledSize = 100_000

var cutPoints = []int64{
	0, 250, 700, 1500, 2000, 2500, 3000, 4000, 50_000,
	spoiledSize, spoiledSize + 500, spoiledSize + 1500, spoiledSize + 3000, spoiledSize + 4000, spoiledSize + 5000, 2 * spoiledSize,
}

// Wherever the connection of a command breaks or falls silent, Exec returns its right exit code and all of its output, or an error.
func TestClusterExecIsNeverAWrongSuccess(t *testing.T) {
	namespace := uniqueNamespace()
	direct, _ := onCluster(t, namespace, nil)
	id := startSandbox(t, direct).ID()
	var input bytes.Buffer
	_, err := io.Copy(&input, noise(spoiledSize))
	require.NoError(t, err)
	for protocol, wrap := range protocols {
		for name, way := range ways {
			t.Run(protocol+" "+name, func(t *testing.T) {
				t.Parallel()
				s := newExecSpoiler(t, namespace, wrap)
				sandbox, err := s.d.GetSandbox(t.Context(), id)
				require.NoError(t, err)
				failures, quickest := 0, time.Hour
				for _, point := range way.points {
					s.spoil(way.fault(point))
					var stdout, stderr bytes.Buffer
					ctx, cancel := context.WithTimeout(t.Context(), way.patience)
					end, err := sandbox.Exec(ctx, []string{"sh", "-c", "cat; echo end >&2; exit 7"}, nil, "", bytes.NewReader(input.Bytes()), &stdout, &stderr)
					if deadline, _ := ctx.Deadline(); err != nil {
						quickest = min(quickest, time.Since(deadline))
						failures++
					}
					cancel()
					if err != nil {
						continue
					}
					assert.Equal(t, 7, end.ExitCode(), "after %d bytes", point)
					assert.True(t, bytes.Equal(input.Bytes(), stdout.Bytes()), "after %d bytes: %d of %d", point, stdout.Len(), input.Len())
					assert.Equal(t, "end\n", stderr.String(), "after %d bytes", point)
				}
				t.Logf("%d of %d were errors", failures, len(way.points))
				assert.NotZero(t, failures)
				assert.Less(t, quickest, time.Second, "how long after the end of its context it returned")
				if way.past {
					assert.Less(t, failures, len(way.points))
				}
			})
		}
	}
}

// What is refused, lost or late before a command has begun is repaired.
func TestClusterExecIsRepeatedUntilItBegins(t *testing.T) {
	namespace := uniqueNamespace()
	direct, _ := onCluster(t, namespace, nil)
	id := startSandbox(t, direct).ID()
	for protocol, wrap := range protocols {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			s := newExecSpoiler(t, namespace, wrap)
			sandbox, err := s.d.GetSandbox(t.Context(), id)
			require.NoError(t, err)
			for _, fault := range []faultproxy.Fault{
				faultproxy.LoseRequest, faultproxy.LoseAnswer, faultproxy.Break, faultproxy.Overload(1),
				faultproxy.Delay(time.Second), faultproxy.BlackHole(time.Second),
			} {
				s.spoil(fault)
				code, stdout, stderr := inSandbox(t, sandbox, "cat; echo end >&2; exit 7", strings.NewReader("input\n"))
				assert.Equal(t, []any{7, "input\n", "end\n"}, []any{code, stdout, stderr}, fault.Name)
				assert.Nil(t, s.next.Load(), "%s was not met", fault.Name)
			}
		})
	}
}

// Wherever the connection of a copy breaks, the copy is whole or an error, and may be repeated.
func TestClusterCopyIsNeverShort(t *testing.T) {
	content := make([]byte, spoiledSize)
	_, err := io.ReadFull(noise(spoiledSize), content)
	require.NoError(t, err)
	for name, fault := range map[string]faultproxy.Fault{
		"up, at first": faultproxy.CutUpload(1500), "up, half-way": faultproxy.CutUpload(50_000), "up, at the end": faultproxy.CutUpload(spoiledSize + 4000),
		"down, at first": faultproxy.CutDownload(300), "down, half-way": faultproxy.CutDownload(50_000), "down, at the end": faultproxy.CutDownload(spoiledSize + 1500),
	} {
		for protocol, wrap := range protocols {
			t.Run(name+" over "+protocol, func(t *testing.T) { copySpoiled(t, wrap, fault, content) })
		}
	}
}

func copySpoiled(t *testing.T, wrap func(http.RoundTripper) http.RoundTripper, fault faultproxy.Fault, content []byte) {
	t.Helper()
	t.Parallel()
	namespace := uniqueNamespace()
	direct, _ := onCluster(t, namespace, nil)
	newVolume(t, direct, "data")
	s := newExecSpoiler(t, namespace, wrap)
	put := func() error { return s.d.CopyToVolume(t.Context(), "data", archiveOf(t, "file", content)) }
	s.spoil(fault)
	first := put()
	s.spoil(faultproxy.Pass)
	if first != nil {
		require.NoError(t, put(), "the same call again, after %v", first)
	}
	s.spoil(fault)
	got, err := readVolume(t, s.d, "file")
	t.Logf("to the volume: %v; from it: %v", first, err)
	s.spoil(faultproxy.Pass)
	if err != nil {
		got, err = readVolume(t, s.d, "file")
	}
	require.NoError(t, err)
	assert.True(t, bytes.Equal(content, got), "%d of %d", len(got), len(content))
}

// In the midst of a copy the network falls silent. The caller gives up, and the call does not keep it for longer.
func TestClusterCopyEndsWithItsContextInABlackHole(t *testing.T) {
	const busy = 5 * time.Second // for what takes less than one where nothing else runs; waiting for the helper's end would take ten
	var silent atomic.Bool
	proxy := faultproxy.Start(t, clusterConfig(t), func(*http.Request) faultproxy.Fault {
		if silent.Load() {
			return faultproxy.BlackHole(0)
		}
		return faultproxy.Pass
	})
	namespace := uniqueNamespace()
	direct, _ := onCluster(t, namespace, nil)
	newVolume(t, direct, "data")
	d, err := New(t.Context(), Config{Namespace: namespace, RESTConfig: proxy.Config()}, nil)
	require.NoError(t, err)
	t.Cleanup(d.Disconnect)
	speakAgain := func() {
		silent.Store(false)
		proxy.Reset()
	}
	t.Cleanup(speakAgain)
	fallSilent := func(cancel context.CancelFunc) (since time.Time) {
		silent.Store(true)
		proxy.Freeze()
		cancel()
		return time.Now()
	}

	ctx, cancel := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	since := make(chan time.Time, 1)
	go func() {
		_, _ = io.CopyN(writer, archiveOf(t, "file", make([]byte, 8<<20)), 6<<20)
		since <- fallSilent(cancel)
	}()
	require.ErrorIs(t, d.CopyToVolume(ctx, "data", reader), context.Canceled)
	assert.Less(t, time.Since(<-since), busy)
	require.NoError(t, reader.Close())

	speakAgain()
	require.NoError(t, direct.CopyToVolume(t.Context(), "data", archiveOf(t, "file", make([]byte, 8<<20))))
	ctx, cancel = context.WithCancel(t.Context())
	stream, err := d.CopyFromVolume(ctx, "data")
	require.NoError(t, err)
	_, err = io.CopyN(io.Discard, stream, 1<<20)
	require.NoError(t, err)
	began := fallSilent(cancel)
	_, err = io.Copy(io.Discard, stream)
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, stream.Close())
	assert.Less(t, time.Since(began), busy)
}

// archiveOf is a tar stream of one file.
func archiveOf(t *testing.T, name string, content []byte) io.Reader {
	t.Helper()
	var data bytes.Buffer
	w := tar.NewWriter(&data)
	require.NoError(t, w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(content))}))
	_, err := w.Write(content)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return &data
}

// readVolume returns the content of a file. It reads the stream to its end, where the proof is.
func readVolume(t *testing.T, d *Driver, name string) ([]byte, error) {
	t.Helper()
	stream, err := d.ReadFilesFromVolume(t.Context(), "data", name)
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	archive, err := io.ReadAll(stream)
	if err != nil {
		return nil, err
	}
	r := tar.NewReader(bytes.NewReader(archive))
	header, err := r.Next()
	require.NoError(t, err)
	assert.Equal(t, name, path.Clean(header.Name))
	return io.ReadAll(r)
}
