package cluster

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestVolumesAreFoundInEtcdsFiles(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "member", "wal"), 0o755))
	const a, b = volumesFolder + "/01234567-89ab-cdef-0123-456789abcdef", volumesFolder + "/fedcba98-7654-3210-fedc-ba9876543210"
	files := map[string]string{
		"member/db":      "\x00\x12" + a + "\x00\x01" + a + volumesFolder + "/short\x00" + volumesFolder + "/../../etc",
		"member/wal/0.w": "\xff" + b + "\xff",
	}
	for name, content := range files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
	paths, err := volumePaths(dir)
	require.NoError(t, err)
	assert.Equal(t, map[string]bool{a: true, b: true}, paths)

	none, err := volumePaths(filepath.Join(dir, "none"))
	require.NoError(t, err)
	assert.Empty(t, none)
}
