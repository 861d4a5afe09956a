package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// withoutCluster makes sure that a test asks none.
func withoutCluster(t *testing.T) {
	t.Helper()
	t.Setenv("KUBECONFIG", "/nonexistent")
}

func TestTemplateDirectoryFromItsBeginning(t *testing.T) {
	withoutCluster(t)
	dir := filepath.Join(t.TempDir(), "acme")
	got := program(t, "", "template", "init", dir)
	require.Zero(t, got.code, got.err)
	values := filepath.Join(dir, "values.yaml")
	assert.Equal(t, filepath.Join(dir, ".tests", "hello.yaml")+"\n"+values+"\n", got.out)
	got = program(t, "", "template", "init", dir)
	assert.Zero(t, got.code)
	assert.Contains(t, got.err, "values.yaml exists already and stays as it is")

	got = program(t, "", "template", "lint", dir)
	require.Zero(t, got.code, got.out+got.err)
	assert.Equal(t, "ok     values, functions and the driver's rules\nok     hostile tasks\nok     Kubernetes' types\n", got.out)

	got = program(t, "", "template", "test", dir)
	assert.Equal(t, exitFailure, got.code)
	assert.Contains(t, got.out, "hello.golden.yaml: no such file")
	assert.Contains(t, got.err, "write them anew with --update")
	require.Zero(t, program(t, "", "template", "test", dir, "--update").code)
	assert.Equal(t, "ok     hello\n", program(t, "", "template", "test", dir).out)

	text, err := os.ReadFile(values)
	require.NoError(t, err)
	all := regexp.MustCompile(`(?m)^#(\S|  |- )`).ReplaceAllString(string(text), "$1")
	require.NoError(t, os.WriteFile(values, []byte(all), 0o600))
	got = program(t, "", "template", "lint", dir)
	assert.Zero(t, got.code, "everything that is offered works: %s", got.out)
	got = program(t, "", "template", "test", dir)
	assert.Equal(t, exitFailure, got.code)
	assert.Contains(t, got.out, "\n       +    key: dedicated")
}

func TestLintNamesEveryKindOfMistake(t *testing.T) {
	withoutCluster(t)
	pod := func(container string) string {
		return "apiVersion: v1\nkind: Pod\nspec:\n  restartPolicy: Never\n  containers:\n  - name: task\n    image: {{ .Task.Image }}\n" + container +
			"    volumeMounts:\n    {{- range .Task.Mounts }}\n    - {name: {{ .Name | toJson }}, mountPath: {{ .Path | toJson }}}\n    {{- end }}\n    stdin: {{ .Task.Stdin }}\n    stdinOnce: {{ .Task.Stdin }}\n" +
			"  volumes:\n  {{- range .Task.Mounts }}\n  - {name: {{ .Name | toJson }}, persistentVolumeClaim: {claimName: {{ .ClaimName | toJson }}}}\n  {{- end }}\n"
	}
	for name, c := range map[string]struct {
		file, text string
		want       []string
	}{
		"a misspelt value":    {"values.yaml", "nodeSelectr: {}\n", []string{"wrong  values", "nodeSelectr"}},
		"a forgotten quote":   {"pod.yaml", pod(""), []string{"wrong  hostile tasks", "pod.yaml:7"}},
		"a misspelt field":    {"pod.yaml", pod("    imagePulPolicy: Always\n"), []string{"wrong  Kubernetes' types", `pod.yaml:8: Pod: unknown field "spec.containers[0].imagePulPolicy"`}},
		"a wrong type":        {"pod.yaml", pod("    tty: 3\n"), []string{"wrong  Kubernetes' types", "pod.yaml:", "Container.spec.containers.tty"}},
		"misspelt twice":      {"pod.yaml", pod("    imagePulPolicy: Always\n    teminal: 1\n"), []string{"pod.yaml:8: Pod: ", "pod.yaml:9: Pod: "}},
		"a missing container": {"pod.yaml", strings.ReplaceAll(pod(""), "name: task", "name: main"), []string{"wrong  values", "task"}},
		"no such function":    {"pod.yaml", "{{ env \"HOME\" }}", []string{"wrong  values", `"env"`}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(dir, c.file), []byte(c.text), 0o600))
			got := program(t, "", "template", "lint", dir)
			assert.Equal(t, exitFailure, got.code, got.out)
			for _, want := range c.want {
				assert.Contains(t, got.out, want)
			}
		})
	}
}

func TestLintAsksTheServer(t *testing.T) {
	t.Parallel()
	s := newScope(t)
	got := s.program("template", "lint", "builtin:job", "--server")
	assert.Zero(t, got.code, got.out+got.err)
	assert.Contains(t, got.out, "ok     the API server\n")
	got = s.program("template", "lint", "--server", "--set", "priorityClassName=no-such-class")
	assert.Equal(t, exitFailure, got.code)
	assert.Contains(t, got.out, "wrong  the API server")
	assert.Contains(t, got.out, "no-such-class")
}

func TestListSaysWhereEverythingComesFrom(t *testing.T) {
	withoutCluster(t)
	got := program(t, "", "template", "list", "builtin:job")
	require.Zero(t, got.code, got.err)
	assert.Regexp(t, `(?m)^pod.yaml +workload +default +-$`, got.out)
	assert.Regexp(t, `(?m)^values.yaml +values +builtin:job +-$`, got.out)
	assert.Contains(t, program(t, "", "template", "list", "-o", "json").out, `"kind": "workload"`)
	assert.Contains(t, program(t, "", "template", "list", "-o", "name").out, "pod.yaml\n")
}
