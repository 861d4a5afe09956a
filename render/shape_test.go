package render

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Names may have any type in a template that is wrong. Go panics when such a value is compared or used as a key.
func TestNamesThatAreNoTextAreErrors(t *testing.T) {
	for _, field := range []string{"- name: task", "- {name: {{ .Name }}", "mountPath: {{ toJson .Path }}", "persistentVolumeClaim: {claimName: {{ .ClaimName }}"} {
		key, _, _ := strings.Cut(field, ": {{")
		key = strings.TrimSuffix(key, " task")
		for _, odd := range []string{"[a]", "{a: b}", "7", "~", "true"} {
			broken := strings.ReplaceAll(goodPod, field, strings.TrimSuffix(key, ":")+": "+odd)
			require.NotEqual(t, goodPod, broken)
			_, err := New(config(t, layer("acme", "pod.yaml", broken)))
			assert.ErrorContains(t, err, "acme/pod.yaml:", "%s: %s", key, odd)
		}
	}
}

func TestListsAreMergedByKeysOfAnyType(t *testing.T) {
	schema := `{"properties": {"list": {"type": "array", "x-kubernetes-list-map-keys": ["key"]}}}`
	set := newSet(t, layer("a", "values.schema.json", schema, "values.yaml", "list:\n- {key: [1], from: a}\n- {key: {x: z}, from: a}\n"),
		layer("b", "values.yaml", "list:\n- {key: {x: z}, from: b}\n"))
	assert.Equal(t, []any{
		map[string]any{"key": []any{int64(1)}, "from": "a"},
		map[string]any{"key": map[string]any{"x": "z"}, "from": "b"},
	}, set.values["list"])
}
