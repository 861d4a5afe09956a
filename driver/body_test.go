package driver

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// Every character that a task may hold survives the server's reading of the body, which is YAML.
func TestApplyBodyKeepsEveryCharacter(t *testing.T) {
	var text strings.Builder
	for r := rune(1); r <= 0x2ffff; r++ {
		if utf8.ValidRune(r) {
			text.WriteRune(r)
		}
	}
	text.WriteString("\U0010fffd\U0010ffff")
	body, err := applyBody(&unstructured.Unstructured{Object: map[string]any{"value": text.String()}})
	require.NoError(t, err)
	var read map[string]string
	require.NoError(t, yaml.Unmarshal(body, &read))
	if read["value"] != text.String() { // a diff of a million bytes helps nobody
		t.Fatal("the value has changed")
	}
}
