package templates_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/orchestra-ci/orchestra-k8s/driver"
	"github.com/orchestra-ci/orchestra-k8s/internal/testcluster"
	"github.com/orchestra-ci/orchestra-k8s/orchestra"
	"github.com/orchestra-ci/orchestra-k8s/render"
	"github.com/orchestra-ci/orchestra-k8s/templates"
)

const guide = "../docs/templates.md"

// block is a fenced block of the guide. The comment above it says what it is for.
type block struct {
	purpose  string // "file", "task of", ...; "" for commands
	argument string // a file's name, or names of layers
	language string
	text     string
}

var fence = regexp.MustCompile("(?ms)^(?:<!-- ([a-z ]+?)(?:: ([^\n]*))? -->\n)?```(\\w+)\n(.*?)^```$")

func readGuide(t *testing.T) []block {
	t.Helper()
	text, err := os.ReadFile(guide)
	require.NoError(t, err)
	var blocks []block
	for _, match := range fence.FindAllStringSubmatch(string(text), -1) {
		blocks = append(blocks, block{purpose: match[1], argument: match[2], language: match[3], text: match[4]})
	}
	assert.Equal(t, 2*len(blocks), bytes.Count(text, []byte("```")), "a fence that is not a block")
	return blocks
}

// guideTask is the task of the guide's examples.
func guideTask() orchestra.Task {
	return orchestra.Task{
		ID: "build-7", Image: "busybox", Command: []string{"make"}, Env: map[string]string{"STAGE": "test"},
		Mounts: orchestra.Mounts{{Name: "cache", Path: "cache"}},
	}
}

// library holds the layers whose files the guide shows.
type library map[string]fstest.MapFS

func (l library) add(name, text string) {
	layer, file, _ := strings.Cut(name, "/")
	if l[layer] == nil {
		l[layer] = fstest.MapFS{}
	}
	l[layer][file] = &fstest.MapFile{Data: []byte(text)}
}

func (l library) load(t *testing.T, names string) (*render.Set, error) {
	t.Helper()
	layers := []render.Layer{folder(t, "default")}
	for name := range strings.SplitSeq(names, ", ") {
		require.Contains(t, l, name, "the guide shows no file of it")
		layers = append(layers, render.Layer{Name: name, FS: l[name]})
	}
	return render.New(render.Config{Namespace: "ci", Layers: layers})
}

// check executes a block that is no command. In expected objects NAME and NAMESPACE stand for names that end in a hash.
func (l library) check(t *testing.T, b block) {
	t.Helper()
	switch b.purpose {
	case "file":
		l.add(b.argument, b.text)
	case "task of":
		set, err := l.load(t, b.argument)
		require.NoError(t, err)
		rendered, err := set.Task(guideTask(), render.RoleTask)
		require.NoError(t, err)
		assertContains(t, strings.ReplaceAll(b.text, "NAME", rendered.Workload.GetName()), rendered.Workload)
	case "namespace of":
		set, err := l.load(t, b.argument)
		require.NoError(t, err)
		objects, err := set.Namespace()
		require.NoError(t, err)
		assertContains(t, strings.ReplaceAll(b.text, "NAMESPACE", set.KubeNamespace()), objects[0])
	case "error of":
		_, err := l.load(t, b.argument)
		assert.ErrorContains(t, err, strings.TrimSpace(b.text))
	case "injection of":
		set, err := l.load(t, b.argument)
		require.NoError(t, err)
		_, err = set.Task(orchestra.Task{ID: "007", Image: "busybox"}, render.RoleTask)
		assert.ErrorContains(t, err, strings.TrimSpace(b.text))
	case "from":
		source, err := os.ReadFile(filepath.Join("..", b.argument))
		require.NoError(t, err)
		assert.Contains(t, string(source), strings.TrimSpace(b.text))
	default:
		require.Fail(t, "a block that nothing checks", "%s:\n%s", b.purpose, b.text)
	}
}

// partial are the fields of which the guide shows only a part. Everything else is shown whole.
var partial = []string{"", "metadata", "labels", "annotations", "spec", "template", "containers"}

// assertContains asserts that the object has all that the YAML says, and more only where it is partial.
func assertContains(t *testing.T, want string, object *unstructured.Unstructured) {
	t.Helper()
	var fields map[string]any
	require.NoError(t, yaml.UnmarshalStrict([]byte(want), &fields))
	assert.JSONEq(t, asJSON(t, fields), asJSON(t, cutTo(fields, object.Object, "")))
}

// cutTo leaves of a partial field what the wanted one has, too.
func cutTo(want, have any, name string) any {
	if !slices.Contains(partial, name) {
		return have
	}
	if list, ok := have.([]any); ok && len(list) == 1 { // containers: the task's is the only one
		wanted, _ := want.([]any)
		return []any{cutTo(wanted[0], list[0], "")}
	}
	fields, _ := have.(map[string]any)
	kept := map[string]any{}
	for name, item := range want.(map[string]any) {
		if field, ok := fields[name]; ok {
			kept[name] = cutTo(item, field, name)
		}
	}
	return kept
}

// isCommand says whether a block is typed into a terminal, or shown by it.
func (b block) isCommand() bool {
	return b.language == "sh" || b.purpose == "prints" || b.purpose == "says"
}

func TestGuideBlocks(t *testing.T) {
	shown, wrong := library{}, map[string]bool{}
	for _, b := range readGuide(t) {
		if b.isCommand() {
			continue
		}
		shown.check(t, b)
		wrong[b.argument] = b.purpose == "error of"
	}
	for name := range shown {
		if _, err := shown.load(t, name); !wrong[name] {
			assert.NoError(t, err, "%s is right by itself", name)
		}
	}
}

// terminal is a shell in an empty directory, with the program as a kubectl plugin.
type terminal struct {
	directory string
	env       []string
	out, err  bytes.Buffer // of the last block
}

func newTerminal(t *testing.T, kubeconfig string) *terminal {
	t.Helper()
	programs := t.TempDir()
	text, err := exec.CommandContext(t.Context(), "go", "build", "-o", programs, "../cmd/kubectl-orchestra").CombinedOutput()
	require.NoError(t, err, "%s", text)
	kubectl := "#!/bin/sh\nplugin=$1\nshift\nexec \"kubectl-$plugin\" \"$@\"\n" // as kubectl finds its plugins
	require.NoError(t, os.WriteFile(filepath.Join(programs, "kubectl"), []byte(kubectl), 0o700))
	return &terminal{
		directory: t.TempDir(),
		env:       append(os.Environ(), "KUBECONFIG="+kubeconfig, "PATH="+programs+string(os.PathListSeparator)+os.Getenv("PATH")),
	}
}

func (s *terminal) run(ctx context.Context, commands string) {
	s.out.Reset()
	s.err.Reset()
	shell := exec.CommandContext(ctx, "bash", "-c", commands)
	shell.Dir, shell.Env, shell.Stdout, shell.Stderr = s.directory, s.env, &s.out, &s.err
	if err := shell.Run(); err != nil {
		_, _ = fmt.Fprintln(&s.err, err)
	}
}

// TestGuideWalkthrough does what a reader of the first section does, in a scope that nobody else uses.
func TestGuideWalkthrough(t *testing.T) {
	kubeconfig, scope := testcluster.Kubeconfig(t), "acme-"+strings.ToLower(rand.Text()[:10])
	d, err := driver.New(t.Context(), driver.Config{Namespace: scope, Kubeconfig: kubeconfig}, nil)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, d.Close()) })
	shell := newTerminal(t, kubeconfig)
	for _, b := range readGuide(t) {
		switch {
		case b.language == "sh":
			shell.run(t.Context(), strings.ReplaceAll(b.text, "acme-docs", scope))
		case b.purpose == "prints":
			assert.Equal(t, b.text, shell.out.String(), shell.err.String())
		case b.purpose == "says":
			assert.Contains(t, shell.err.String(), strings.TrimSpace(b.text))
		}
	}
}

// openAcme has the line of Go that the guide shows.
func openAcme(ctx context.Context) (*driver.Driver, error) {
	d, err := driver.New(ctx, driver.Config{Namespace: "acme", TemplateDirs: []string{"builtin:job", "acme"}}, nil)
	return d, err
}

func TestGuideDriver(t *testing.T) {
	t.Setenv("KUBECONFIG", testcluster.Simulated(t))
	t.Chdir(t.TempDir())
	require.NoError(t, os.Mkdir("acme", 0o700))
	d, err := openAcme(t.Context())
	require.NoError(t, err)
	require.NoError(t, d.Close())
}

func TestGuideNamesEveryDefineAndOverlay(t *testing.T) {
	text, err := os.ReadFile(guide)
	require.NoError(t, err)
	set, err := load()
	require.NoError(t, err)
	for _, source := range set.List() {
		if source.Kind == "define" {
			assert.Contains(t, string(text), "\n| `"+source.Name+"` |", "every define of the defaults is in the guide")
		}
	}
	overlays, err := fs.ReadDir(templates.FS, "builtin")
	require.NoError(t, err)
	for _, overlay := range overlays {
		assert.Contains(t, string(text), "\n| `builtin:"+overlay.Name()+"` |", "every overlay is in the guide")
	}
}
