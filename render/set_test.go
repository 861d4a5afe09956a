package render

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
	"github.com/orchestra-ci/orchestra-k8s/templates"
)

// newSet loads the built-in defaults and the given layers.
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

func TestScratch(t *testing.T) {
	set := newSet(t)
	r, err := set.Task(orchestra.Task{ID: "build 1", Image: "busybox:1.36", Command: []string{"sh", "-c", "echo $HOME: #x\n---"}, Env: map[string]string{"A": "on", "B": "0123"},
		Mounts: orchestra.Mounts{{Name: "cache", Path: "cache"}}, ContainerLimits: orchestra.ContainerLimits{CPU: 512, Memory: 1 << 28}, User: "root", Stdin: strings.NewReader("")}, RoleTask)
	require.NoError(t, err)
	y, _ := yaml.Marshal(r.Workload.Object)
	fmt.Println(string(y))
	v, err := set.Volume("cache", 0)
	require.NoError(t, err)
	y, _ = yaml.Marshal(v.Object)
	fmt.Println(string(y))
	for _, s := range set.List() {
		fmt.Println(s)
	}
}

func BenchmarkTask(b *testing.B) {
	set := newSet(b)
	task := orchestra.Task{ID: "build-1", Image: "busybox:1.36", Command: []string{"sh", "-c", "echo $HOME"}, Env: map[string]string{"A": "on", "B": "0123"},
		Mounts: orchestra.Mounts{{Name: "cache", Path: "cache"}}, ContainerLimits: orchestra.ContainerLimits{CPU: 512, Memory: 1 << 28}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := set.Task(task, RoleTask); err != nil {
			b.Fatal(err)
		}
	}
}
