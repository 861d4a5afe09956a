package render

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares with testdata/golden/NAME; -update writes it.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("..", "testdata", "golden", name)
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, got, 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "run the test with -update to write it")
	assert.Equal(t, string(want), string(got), "%s differs; look at the change, then run the test with -update", path)
}

// manifest is the YAML that an operator would see: all objects in the order in which they are applied.
func manifest(t testing.TB, objects ...*unstructured.Unstructured) []byte {
	t.Helper()
	var out bytes.Buffer
	for i, object := range objects {
		if i > 0 {
			out.WriteString("---\n")
		}
		text, err := yaml.Marshal(object.Object)
		require.NoError(t, err)
		out.Write(text)
	}
	return out.Bytes()
}

func all(rendered *Rendered) []*unstructured.Unstructured {
	return append(append([]*unstructured.Unstructured{}, rendered.Extras...), rendered.Workload)
}

// fullTask uses every field.
func fullTask() orchestra.Task {
	return orchestra.Task{
		ID:              "Build #7",
		Image:           "busybox:1.36",
		Command:         []string{"sh", "-c", "echo $GREETING\ncat > out/$(date)"},
		Env:             map[string]string{"GREETING": "hello: world", "EMPTY": "", "NUMBER": "0123", "SWITCH": "on"},
		Mounts:          orchestra.Mounts{{Name: "cache", Path: "cache", SizeGB: 2}, {Name: "Out Put", Path: "/out"}},
		ContainerLimits: orchestra.ContainerLimits{CPU: 512, Memory: 256 << 20},
		Privileged:      true,
		User:            "1000:2000",
		WorkDir:         "src",
		Stdin:           strings.NewReader("input"),
	}
}

func TestGoldens(t *testing.T) {
	sets := map[string][]Layer{
		"default":             nil,
		"job":                 {builtinLayer(t, "builtin/job")},
		"secret-env":          {builtinLayer(t, "builtin/secret-env")},
		"dedicated-namespace": {builtinLayer(t, "builtin/dedicated-namespace")},
		"restricted":          {builtinLayer(t, "builtin/restricted")},
	}
	for name, layers := range sets {
		t.Run(name, func(t *testing.T) {
			set := newSet(t, layers...)
			task := fullTask()
			task.Privileged = name != "restricted"
			golden(t, "task-"+name+".yaml", manifest(t, all(render(t, set, task))...))
			namespace, err := set.Namespace()
			require.NoError(t, err)
			if len(namespace) > 0 {
				golden(t, "namespace-"+name+".yaml", manifest(t, namespace...))
			}
		})
	}
	t.Run("smallest task", func(t *testing.T) {
		golden(t, "task-smallest.yaml", manifest(t, all(render(t, newSet(t), orchestra.Task{ID: "a", Image: "busybox"}))...))
	})
	t.Run("sandbox", func(t *testing.T) {
		task := orchestra.Task{ID: "a", Image: "tool", Mounts: orchestra.Mounts{{Name: "cache", Path: "cache"}}}
		rendered, err := newSet(t).Task(task, RoleSandbox)
		require.NoError(t, err)
		golden(t, "sandbox.yaml", manifest(t, all(rendered)...))
	})
	t.Run("copy", func(t *testing.T) {
		task := orchestra.Task{ID: "a", Image: "busybox:musl", Mounts: orchestra.Mounts{{Name: "cache", Path: "cache"}}}
		rendered, err := newSet(t, builtinLayer(t, "builtin/job")).TaskOn("node-1", task, RoleCopy)
		require.NoError(t, err)
		golden(t, "copy.yaml", manifest(t, all(rendered)...))
	})
	t.Run("volume sources", func(t *testing.T) {
		set, err := New(Config{Layers: []Layer{builtinLayer(t, "default")}, Namespace: "ci", Values: map[string]any{"volumeSources": map[string]any{
			"cache":   map[string]any{"persistentVolumeClaim": map[string]any{"claimName": "shared"}},
			"Scratch": map[string]any{"emptyDir": map[string]any{"sizeLimit": "1Gi"}},
		}}})
		require.NoError(t, err)
		task := orchestra.Task{ID: "a", Image: "busybox", Mounts: orchestra.Mounts{{Name: "cache", Path: "cache"}, {Name: "Scratch", Path: "scratch"}, {Name: "own", Path: "own"}}}
		golden(t, "task-volume-sources.yaml", manifest(t, all(render(t, set, task))...))
	})
	t.Run("volume", func(t *testing.T) {
		set := newSet(t)
		sized, err := set.Volume("cache", 5<<30)
		require.NoError(t, err)
		unsized, err := set.Volume("Out Put", 0)
		require.NoError(t, err)
		golden(t, "volumes.yaml", manifest(t, sized, unsized))
	})
	t.Run("functions", func(t *testing.T) {
		golden(t, "functions.txt", []byte(strings.Join(Functions(), "\n")+"\n"))
	})
}

func TestFunctionsLeaveOutWhatIsNotDeterministic(t *testing.T) {
	forbidden := []string{"env", "expandenv", "getHostByName", "now", "date", "ago", "htmlDate", "unixEpoch", "toDate", "randAlphaNum", "randInt", "randBytes",
		"uuidv4", "shuffle", "genCA", "genPrivateKey", "genSelfSignedCert", "derivePassword", "bcrypt", "htpasswd", "encryptAES", "set", "unset"}
	for _, name := range forbidden {
		assert.NotContains(t, Functions(), name)
		_, err := New(config(t, layer("acme", "extra.yaml", "{{ "+name+" }}")))
		assert.ErrorContains(t, err, "not defined", name)
	}
}

func TestEveryListedFunctionExists(t *testing.T) {
	own := map[string]bool{"include": true} // the engine's
	for _, name := range []string{"and", "or", "not", "len", "index", "slice", "call", "eq", "ne", "lt", "le", "gt", "ge"} {
		own[name] = true // text/template's
	}
	for _, name := range Functions() {
		_, library := libraryFunctions[name]
		assert.True(t, library || own[name], name)
	}
}

func TestRenderingIsDeterministic(t *testing.T) {
	layers := []Layer{builtinLayer(t, "builtin/secret-env")}
	want := string(manifest(t, all(render(t, newSet(t, layers...), fullTask()))...))
	for range 4 {
		set := newSet(t, layers...)
		for range 25 {
			assert.Equal(t, want, string(manifest(t, all(render(t, set, fullTask()))...)))
		}
	}
}

func TestConcurrentRenderingGivesTheSameBytes(t *testing.T) {
	set := newSet(t, builtinLayer(t, "builtin/secret-env"))
	want := string(manifest(t, all(render(t, set, fullTask()))...))
	results := make(chan string)
	const workers = 16
	for range workers {
		go func() {
			rendered, err := set.Task(fullTask(), RoleTask)
			if err != nil {
				results <- err.Error()
				return
			}
			results <- string(manifest(t, all(rendered)...))
		}()
	}
	for range workers {
		assert.Equal(t, want, <-results)
	}
}
