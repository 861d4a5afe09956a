package layout

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestClustersOfOneNameInTwoCachesShareNothing(t *testing.T) {
	a, err := in("/home/a/.cache", "dev")
	require.NoError(t, err)
	b, err := in("/home/b/.cache", "dev")
	require.NoError(t, err)

	assert.NotEqual(t, a.ID(), b.ID())
	assert.NotEqual(t, a.Run, b.Run)
	assert.NotEqual(t, a.Bridge(), b.Bridge())
	assert.NotEqual(t, a.Cgroup(), b.Cgroup())
}

func TestFilesThatOthersRelyOn(t *testing.T) {
	l, err := in("/home/a/.cache", "dev")
	require.NoError(t, err)

	assert.Equal(t, "/home/a/.cache/orchestra-devcluster/clusters/dev/kubeconfig", l.Kubeconfig())
	assert.Equal(t, "/home/a/.cache/orchestra-devcluster/clusters/dev/info.json", l.InfoFile())
	assert.Equal(t, "devcluster-dev", l.Context())
	assert.NotEqual(t, l.Dir, filepath.Dir(l.Lock()), "down removes the folder, not the lock")
}

func TestNamesFitWhereTheKernelPutsThem(t *testing.T) {
	const interfaceName = 15
	l, err := in("/home/a/.cache", strings.Repeat("a", 20))
	require.NoError(t, err)

	assert.LessOrEqual(t, len(l.Bridge()), interfaceName)
	assert.LessOrEqual(t, len(l.ContainerdSocket()), maxSocketPath)
}

func TestInvalidNames(t *testing.T) {
	for _, name := range []string{"", "Dev", "-dev", "dev-", "1dev", "a/b", "..", "a_b", strings.Repeat("a", 21)} {
		_, err := in("/home/a/.cache", name)
		assert.ErrorContains(t, err, "cluster name", "%q", name)
	}
}

func TestCacheFolderTooLongForSockets(t *testing.T) {
	_, err := in("/"+strings.Repeat("x", 100), "dev")
	assert.ErrorContains(t, err, "XDG_CACHE_HOME")
}
