package driver

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/orchestra-ci/orchestra-k8s/render"
)

func TestSymlinksStayInTheirDirectory(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "values.yaml")
	require.NoError(t, os.WriteFile(outside, []byte("priorityClassName: outside\n"), 0o600))
	layer := func(t *testing.T, target string) Config {
		dir := t.TempDir()
		require.NoError(t, os.Mkdir(filepath.Join(dir, ".versions"), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, ".versions", "2"), []byte("priorityClassName: inside\n"), 0o600))
		require.NoError(t, os.Symlink(target, filepath.Join(dir, "values.yaml")))
		return Config{Namespace: "ns", TemplateDirs: []string{dir}}
	}

	set, err := LoadTemplates(layer(t, ".versions/2")) // as a mounted ConfigMap has them
	require.NoError(t, err)
	rendered, err := set.Task(task("one"), render.RoleTask)
	require.NoError(t, err)
	class, _, err := unstructured.NestedString(rendered.Workload.Object, "spec", "priorityClassName")
	require.NoError(t, err)
	assert.Equal(t, "inside", class)

	relative, err := filepath.Rel(t.TempDir(), outside)
	require.NoError(t, err)
	for _, target := range []string{outside, relative} {
		_, err := LoadTemplates(layer(t, target))
		require.ErrorContains(t, err, "values.yaml: path escapes", "%q", target)
	}
	_, err = LoadTemplates(layer(t, "nowhere"))
	require.ErrorContains(t, err, "values.yaml: no such file")
}
