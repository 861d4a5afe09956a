package render

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// Every character that a task may hold survives the API server's reading of an apply's body, which is YAML.
func TestJSONIsTheSameInYAML(t *testing.T) {
	var text strings.Builder
	for r := rune(1); r <= 0x2ffff; r++ {
		if utf8.ValidRune(r) {
			text.WriteRune(r)
		}
	}
	text.WriteString("\U0010fffd\U0010ffff")
	body, err := JSON(map[string]any{"value": text.String()})
	require.NoError(t, err)
	var read map[string]string
	require.NoError(t, yaml.Unmarshal(body, &read))
	require.True(t, read["value"] == text.String(), "the value has changed") // a diff of a million bytes helps nobody
}
