package render

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestYAMLErrorsNameTheLineOfTheMistake: yaml.v2 itself leaves out the first line, and is one line short or long for some mistakes.
func TestYAMLErrorsNameTheLineOfTheMistake(t *testing.T) {
	for text, want := range map[string]string{
		"a: 1\nb:\n  c: 1\n   d: 2\n":         "line 4: mapping values are not allowed in this context",
		"a: 1\nb:\n  c: 1\n d: 2\ne: 3\n":     "line 4: did not find expected key",
		"a: 1\n- b\n":                         "line 2: did not find expected key",
		"a:\n- b\nc:\n- d\ne\nf: 1\n":         "line 5: could not find expected ':'",
		"a: 1\nb\n\n\nc: 2\n":                 "line 2: could not find expected ':'",
		"a: [1, 2\nb: 2\n":                    "line 2: did not find expected ',' or ']'",
		"a: b: c\n":                           "line 1: mapping values are not allowed in this context",
		"a: @x\nb: 1\n":                       "line 1: found character that cannot start any token",
		"a: 1\n\tb: 2\n":                      "line 2: found a tab character that violates indentation",
		"a: 1\nb: \"x\nc: 1\nd: 1\n":          "line 2: found unexpected end of stream",
		"a: 'b\n  c'\nd: 'x\nc: 1\nd: 1\n":    "line 3: found unexpected end of stream",
		"a: 1\nb: *x\n":                       "line 2: unknown anchor 'x' referenced",
		"a: 1\n---\nb: 1\nb: 2\nc: 1\nc: 2":   "line 4: key \"b\" already set in map\nline 6: key \"c\" already set in map",
		"a: 1\nb: \"x\nc: 1\nd: \"y\"\n":      "line 2: did not find expected key; the quotes that begin here end only on line 4",
		strings.Repeat("#\n", 2000) + "a: \"": "line 2002: found unexpected end of stream",
	} {
		_, err := decodeDocuments(text)
		assert.EqualError(t, err, want, "%q", text)
		assert.NotZero(t, errorLine(text, each(err)[0]))
	}
	text := "a: 1\n---\n# none\n---\nb:\n  1: 2\n"
	_, err := decodeDocuments(text)
	assert.Equal(t, 5, errorLine(text, err), "the map in the second document that holds something")
}

// TestMistakeInAReplacedDefineIsThere: the error names the layer that has replaced a define, whatever the define is made of.
func TestMistakeInAReplacedDefineIsThere(t *testing.T) {
	for text, want := range map[string]string{
		"runAsUser: 1\n   x: 2":                                    "acme/_mine.tpl:2: parsing the rendered YAML: line ",
		"runAsUser: 1\n x: [\n":                                    "acme/_mine.tpl:2: parsing the rendered YAML: line ",
		"runAsUser: 1\nrunAsUser: 2":                               "acme/_mine.tpl:2: parsing the rendered YAML: line ",
		"runAsUser: \"1\n":                                         "acme/_mine.tpl:1: parsing the rendered YAML: line ",
		`{{ "runAsUser: @1" }}`:                                    "acme/_mine.tpl:1: parsing the rendered YAML: line ",
		"{{ if .Task }}\n{{ \"a: b: c\" }}{{ end }}":               "acme/_mine.tpl:2: parsing the rendered YAML: line ",
		"{{ range until 1 }}\n\n{{ printf \"x: y: z\" }}{{ end }}": "acme/_mine.tpl:3: parsing the rendered YAML: line ",
		"x: 1\n{{ fromYaml \"w: 1\" | toYaml }}\n- z":              "acme/_mine.tpl:3: parsing the rendered YAML: line ",
	} {
		_, err := New(config(t, layer("acme", "_mine.tpl", `{{- define "securityContext" -}}`+text+`{{ end }}`)))
		require.Error(t, err, text)
		assert.ErrorContains(t, err, want, text)
	}
}
