package render

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

// A value of a task's env may be a secret, and errors end in logs that more people read.
func TestErrorsNeverShowAValueOfTheEnv(t *testing.T) {
	pod := strings.Replace(goodPod, "    volumeMounts:", "    env:\n    {{- range .Task.Env }}\n    - {name: {{ toJson .Name }}, value: \"{{ .Value }}\"}\n    {{- end }}\n    volumeMounts:", 1)
	set := newSet(t, layer("acme", "pod.yaml", pod))
	for _, secret := range []string{
		`hunter2\t`, `\hunter2`, `hunter2", x: "hunter2`, `hunter2"`, `hunter2", hunter2: "x`, "hunter2\nhunter2", " hunter2\n\n\n", `hunter2"} # `,
		"hunter2\"}\n---\nx: {hunter2: \"", `", name: "hunter2`, "\x01hunter2",
	} {
		_, err := set.Task(orchestra.Task{ID: "a", Image: "busybox", Env: map[string]string{"TOKEN": secret}}, RoleTask)
		var injection *InjectionError
		require.ErrorAs(t, err, &injection, "%q", secret)
		assert.Equal(t, `Task.Env["TOKEN"]`, injection.Field, "%q", secret)
		assert.NotContains(t, err.Error(), "hunter2", "%q", secret)
	}
}

func TestRenderedLinesShowNoValueOfTheEnv(t *testing.T) {
	broken := strings.Replace(goodPod, "    volumeMounts:", "    env: [{name: TOKEN, value: {{ range $i, $env := .Task.Env }}{{ if eq $i 0 }}{{ toJson $env.Value }}{{ end }}{{ end }}}]\n{{ if eq .Task.Image \"odd\" }}\t{{ end }}    volumeMounts:", 1)
	set := newSet(t, layer("acme", "pod.yaml", broken))
	_, err := set.Task(orchestra.Task{ID: "a", Image: "odd", Env: map[string]string{"TOKEN": "hunter2"}}, RoleTask)
	var wrong *TemplateError
	require.ErrorAs(t, err, &wrong)
	assert.Contains(t, wrong.Rendered, `value: "x"`)
	assert.NotContains(t, err.Error(), "hunter2")
}
