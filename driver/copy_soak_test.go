//go:build soak

package driver

import (
	"archive/tar"
	"crypto/sha256"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestSoakCopy copies 100,000 small files in and out, whose names have spaces, line breaks, leading dashes, and characters outside of ASCII.
func TestSoakCopy(t *testing.T) {
	const files = 100_000
	d, _ := onCluster(t, uniqueNamespace(), nil)
	newVolume(t, d, "volume")
	name := func(i int) string {
		return fmt.Sprintf("%d/%s%d", i/1000, []string{"-rf ", "a b ", "line\nbreak", " ", "ü日本", "--", "'$(x)\"\\", "plain"}[i%8], i)
	}
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
