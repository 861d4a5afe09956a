package mounts

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseKeepsOnlyWhatIsBelow(t *testing.T) {
	const info = `22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
30 22 0:26 / /run/dev rw - tmpfs tmpfs rw
31 30 0:27 / /run/dev/a\040b rw shared:1 - tmpfs tmpfs rw
32 22 0:28 / /run/device rw - tmpfs tmpfs rw
33 22 0:29 / /var/run/dev rw - tmpfs tmpfs rw
`
	assert.Equal(t, []string{"/run/dev", "/run/dev/a b"}, parse(info, "/run/dev"))
	assert.Empty(t, parse(info, "/run/none"))
}

func TestUndoWithoutMounts(t *testing.T) {
	dir := t.TempDir()
	below, err := Below(dir)
	require.NoError(t, err)
	assert.Empty(t, below)
	assert.NoError(t, Undo(dir))
}
