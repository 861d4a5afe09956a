package driver

import (
	"archive/tar"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// heapWatch is a stream that looks at the heap of this process every 16 MiB.
type heapWatch struct {
	from   io.Reader
	passed int
	most   uint64
}

func (w *heapWatch) Read(p []byte) (int, error) {
	const every = 16 << 20
	n, err := w.from.Read(p)
	if (w.passed+n)/every > w.passed/every {
		w.most = max(w.most, heapInUse())
	}
	w.passed += n
	return n, err
}

// The test is not parallel, as the heap is everybody's. The helper would be killed if it kept what passes through it.
func TestClusterCopyTakesConstantMemory(t *testing.T) {
	const size, bound = 256 << 20, 40 << 20
	d, _ := onCluster(t, uniqueNamespace(), func(cfg *Config) {
		cfg.Values["helper"] = map[string]any{"resources": map[string]any{"limits": map[string]any{"memory": "64Mi"}}}
	})
	newVolume(t, d, "volume")
	before := heapInUse()
	in := &heapWatch{from: bigArchive(t, size)}
	require.NoError(t, d.CopyToVolume(t.Context(), "volume", in))
	stream, err := d.CopyFromVolume(t.Context(), "volume")
	require.NoError(t, err)
	defer stream.Close()
	out := &heapWatch{from: stream}
	archive := tar.NewReader(out)
	header, err := archive.Next()
	for err == nil && header.Typeflag == tar.TypeDir {
		header, err = archive.Next()
	}
	require.NoError(t, err)
	assert.Equal(t, digestOfNoise(t, size), digestOf(t, archive))
	_, err = archive.Next()
	require.ErrorIs(t, err, io.EOF)
	for way, watch := range map[string]*heapWatch{"in": in, "out": out} {
		assert.Greater(t, watch.passed, size, way)
		assert.Less(t, watch.most, before+bound, way)
	}
}
