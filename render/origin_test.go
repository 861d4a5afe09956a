package render

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

// explained finds what Explain says of the line with this text.
func explained(t *testing.T, lines []Line, text string) string {
	t.Helper()
	for _, line := range lines {
		if strings.TrimLeft(line.Text, " -") == text {
			return line.From.String()
		}
	}
	require.Fail(t, "no such line", text)
	return ""
}

func TestExplainSaysWhichTemplateMadeEachLine(t *testing.T) {
	set := newSet(t,
		layer("acme", "_mine.tpl", "{{ define \"securityContext\" }}\n  runAsUser: 7{{ end }}", "policy.yaml", "# ours\napiVersion: v1\nkind: ConfigMap\n"))
	lines, err := set.Explain(plainTask(), RoleTask)
	require.NoError(t, err)
	for text, want := range map[string]string{
		"kind: ConfigMap":                     "acme/policy.yaml:3",
		"runAsUser: 7":                        "acme/_mine.tpl:2",
		"kind: Pod":                           `default/pod.yaml:\d+`,
		"restartPolicy: Never":                `default/_pod.tpl:\d+`,
		"image: busybox:1.36":                 `default/_pod.tpl:\d+`,
		"make all":                            `default/_pod.tpl:\d+`,
		"orchestra.namespace: ci":             DriverFile,
		"orchestra.task: build-1":             DriverFile,
		"enableServiceLinks: false":           `default/_pod.tpl:\d+`,
		"name: task":                          `default/_pod.tpl:\d+`,
		"automountServiceAccountToken: false": `default/_pod.tpl:\d+`,
	} {
		assert.Regexp(t, "^"+want+"$", explained(t, lines, text), text)
	}
	var manifestLines []string
	for _, line := range lines {
		manifestLines = append(manifestLines, line.Text)
	}
	assert.Contains(t, strings.Join(manifestLines, "\n"), "\n---\napiVersion: v1\nkind: Pod\n")
}

func TestExplainKeepsLinesOfLongTexts(t *testing.T) {
	lines, err := newSet(t).Explain(orchestra.Task{ID: "a", Image: "busybox", Command: []string{"sh", "-c", "echo one\necho two"}}, RoleTask)
	require.NoError(t, err)
	assert.Regexp(t, `^default/_pod.tpl:\d+`, explained(t, lines, "echo two"))
}
