package render

import (
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
	"github.com/orchestra-ci/orchestra-k8s/templates"
)

// newSet loads the built-in defaults and the given layers for the Orchestra namespace "ci".
func newSet(t testing.TB, layers ...Layer) *Set {
	t.Helper()
	set, err := New(config(t, layers...))
	require.NoError(t, err)
	return set
}

func config(t testing.TB, layers ...Layer) Config {
	t.Helper()
	return Config{Namespace: "ci", Layers: append([]Layer{builtinLayer(t, "default")}, layers...)}
}

func builtinLayer(t testing.TB, folder string) Layer {
	t.Helper()
	sub, err := fs.Sub(templates.FS, folder)
	require.NoError(t, err)
	return Layer{Name: folder, FS: sub}
}

// layer makes a layer of name, text, name, text, ...
func layer(name string, files ...string) Layer {
	fsys := fstest.MapFS{}
	for i := 0; i < len(files); i += 2 {
		fsys[files[i]] = &fstest.MapFile{Data: []byte(files[i+1])}
	}
	return Layer{Name: name, FS: fsys}
}

func render(t testing.TB, set *Set, task orchestra.Task) *Rendered {
	t.Helper()
	rendered, err := set.Task(task, RoleTask)
	require.NoError(t, err)
	return rendered
}

// taskContainer returns the container named "task" of a rendered Pod.
func taskContainer(t testing.TB, rendered *Rendered) map[string]any {
	t.Helper()
	spec := rendered.Workload.Object["spec"].(map[string]any)
	for _, container := range spec["containers"].([]any) {
		if container := container.(map[string]any); container["name"] == TaskContainer {
			return container
		}
	}
	require.Fail(t, "no task container")
	return nil
}
