package orchestra_test

import (
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

func TestVolumePath(t *testing.T) {
	long := strings.Repeat("x", 200)
	for name, want := range map[string]string{
		"cache": "cache", "Build_1.2-x": "Build_1.2-x", ".git": "%2Egit", "..": "%2E.", "-rf": "%2Drf", "a/b": "a%2Fb", "a%2Fb": "a%252Fb", "ü": "%C3%BC",
		long: long,
	} {
		assert.Equal(t, want, orchestra.VolumePath(name))
	}
	assert.Regexp(t, "^x{130}~[0-9a-f]{64}$", orchestra.VolumePath(long+"x"))
	assert.Equal(t, "%2E.", orchestra.Mount{Name: ".."}.Target())
	assert.Equal(t, "at", orchestra.Mount{Name: "..", Path: "at"}.Target())
}

func TestVolumePathsDiffer(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	names := map[string]string{}
	alphabet := []string{"a", "A", "/", ".", "-", "%", "2", "F", "~", " ", "ü", "\n", strings.Repeat("x", 60)}
	for range 200_000 {
		var text strings.Builder
		for range 1 + random.IntN(8) {
			text.WriteString(alphabet[random.IntN(len(alphabet))])
		}
		name := text.String()
		path := orchestra.VolumePath(name)
		if before, taken := names[path]; taken {
			require.Equal(t, before, name)
		}
		names[path] = name
		require.True(t, filepath.IsLocal(path) && len(path) <= 200 && filepath.Base(path) == path && path != ".", "%q: %q", name, path)
	}
}
