package driver

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchestra-ci/orchestra-k8s/render"
)

// inHelper runs a script in the only helper there is, in the volume.
func inHelper(t *testing.T, d *Driver, script string) {
	t.Helper()
	pods := helperPods(t, d)
	require.Len(t, pods, 1)
	code, err := d.exec(t.Context(), process{
		pod: podID{pods[0].GetName(), pods[0].GetUID()}, tool: helperTool, command: []string{helperTool, "sh", "-c", script},
		dir: render.WorkDir(pods[0].GetName(), helperMount), stdout: io.Discard, stderr: io.Discard, frame: stdinFrame,
	}, func() error { return nil })
	require.NoError(t, err)
	require.Zero(t, code)
}

// A process that hands an archive on may be killed, for want of memory, between two files. tar does not notice that files are missing.
func TestClusterCopyNoticesFilesThatTarHasNotSeen(t *testing.T) {
	files := make([]tar.Header, 4*copyFrame/1024) // each takes 1 KiB
	for i := range files {
		files[i].Name = fmt.Sprintf("%06d", i)
	}
	archive := entries(t, files...)
	const half = copyFrame + copyFrame/2
	for name, script := range map[string]struct{ stalled, going string }{ // what is done while the caller stalls, and when it goes on
		"which were on their way": {"until killall -STOP tar; do sleep 0.1; done", "until killall -9 cat; do sleep 0.1; done; killall -CONT tar"},
		"which had not come yet":  {"until [ -e 004000 ]; do sleep 0.1; done; until killall -9 dd; do sleep 0.1; done", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, _ := onCluster(t, uniqueNamespace(), nil)
			newVolume(t, d, "volume")
			stalled, writer := io.Pipe()
			defer stalled.Close()
			result := make(chan error, 1)
			go func() {
				result <- d.CopyToVolume(t.Context(), "volume", io.MultiReader(bytes.NewReader(archive[:half]), stalled))
			}()
			_, err := writer.Write(archive[half : half+1]) // what was before is on its way
			require.NoError(t, err)
			inHelper(t, d, script.stalled)
			if script.going != "" {
				go func() {
					_, err := writer.Write(archive[half+1:])
					_ = writer.CloseWithError(err)
				}()
				inHelper(t, d, script.going)
			}
			assert.Error(t, <-result)
		})
	}
}

// A helper that is given less memory than a copy takes was killed, as a whole or in part. The error says what to raise.
func TestClusterCopyByAHelperShortOfMemory(t *testing.T) {
	t.Parallel()
	d, _ := onCluster(t, uniqueNamespace(), nil)
	newVolume(t, d, "volume")
	short, _ := onCluster(t, d.cfg.Namespace, func(cfg *Config) {
		cfg.Values["helper"] = map[string]any{"resources": map[string]any{"limits": map[string]any{"memory": "8Mi"}}}
	})
	const advice = "aise the value helper.resources.limits.memory"
	require.ErrorContains(t, short.CopyToVolume(t.Context(), "volume", bigArchive(t, bigSize)), advice)
	require.NoError(t, d.CopyToVolume(t.Context(), "volume", bigArchive(t, bigSize)))
	stream, err := short.CopyFromVolume(t.Context(), "volume")
	require.NoError(t, err)
	_, err = io.Copy(io.Discard, stream)
	require.ErrorContains(t, err, advice)
	require.NoError(t, stream.Close())
}
