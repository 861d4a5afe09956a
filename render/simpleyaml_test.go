package render

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// readSimply reads text as a bound rendering of it would be read.
func readSimply(text string) (map[string]any, bool) {
	b := newBinding()
	b.reset(false)
	lines, ok := b.lines(text)
	if !ok || len(lines) == 0 {
		return nil, false
	}
	reader := simpleYAML{binding: b, lines: lines}
	return reader.document()
}

// checkSimply: whatever is read at all is read as the real parser does.
func checkSimply(t *testing.T, text string) (read bool) {
	t.Helper()
	got, ok := readSimply(text)
	if !ok {
		return false
	}
	want, err := decodeDocuments(text)
	require.NoError(t, err, "%q", text)
	if len(want) != 1 || !reflect.DeepEqual(want[0], got) {
		assert.Equal(t, want, []map[string]any{got}, "%q", text)
	}
	return true
}

// simpleTexts are what templates are made of.
var simpleTexts = []string{
	"a: b", "a: b # c", "# c\na: b\n\n  # c\n", "a: 1\nb: -2\nc: 1.5\nd: true\ne: 10m\nf: 1Gi\ng: busybox:1.36\nh: /a/b\ni: a b  c", "a: 'b # c'\nb: \"c: d\"",
	"a:\n  b:\n    c: d\n  e: f\ng: h", "a:\n- b\n- c: d\n  e: f\n-   g: h\n    i: j\nk: l", "a:\n  - - b\n    - c\n  - d:\n    - e\n    - f", "a: {}\nb: []",
	"a: {b: c, d: [e, f], g: {h: 'i'}}", "a: [ {b: c} , d ]", "a:    b   ", "app.kubernetes.io/name: x", "a: [x, \"y, z\"]", "a: été", "a: 2001", "a: 0x1F\nb: 0123\nc: 1_000\nd: 1e3",
	"a:\n  b c\nd:\n  {e: f}\ng:\n    'h' # i\nj: k",
	"- a", "a: b\n", "a: 12:30", "a: +1", "a: .5", "a: ''", "a: \"\"",
}

// otherTexts are what must be refused, or be read just the same.
var otherTexts = []string{
	"a:\n  b\n  c", "a:\n  b\n c", "a:\n  'b'\n  c: d", "a:\n  b: c\n  d", "a:\n  b\n- c", "a:\n  - b\n  c", "a:\nb: c", "a:\n b\n# c\n d",
	"", "a", "a:", "a:\n", "a: ~", "a: null", "a: b\na: c", "a: b\n c", "a: b\n  c: d", "a: &x b\nc: *x", "a: !!int 3", "a: |\n  b", "a: >-\n  b", "a: b: c", "a: [b", "a: {b: c",
	"a: {b}", "a: [b,]", "a: {b: c,}", "a: [b: c]", "a: [b:c]", "? a\n: b", "---\na: b", "a: b\n---\nc: d", "a: b\n...", "on: off", "y: n", "1: 2", "\"a\": b", "a: \"b\\n\"",
	"a: 'it''s'", "a: 'b\n  c'", "a: \"b\n  c\"", "a: b #c", "a: b# c", "a: b#", "a:b", "a :b", "a : b", "a: - b", "a: -", "a: @b", "a: `b`", "a: %b", "a: b,c", "a: b]",
	"a: <<", "<<: {a: b}", "a: =", "a: 'b' c", "a: 'b'# c", "a:\n  b: c\n d: e", "a:\n- b\n c: d", "a:\n  - b\n - c", "- a\nb: c", "a:\n-b", "a:\n-", "a:\n- \n- b", "a: .nan",
	"a: 2001-01-01", "a: 18446744073709551615", "a: 99999999999999999999", "a\t: b", "a:\tb", "a: b\t", "a: \u0085", "a: b\u2028c", "\ufeffa: b", "a: b\r\nc: d", "a: ---", "a: --- 5",
	"a: ... 5", "a:\n- --- 5", "a: \"b\"c", "a: #b", "a:  # b\n  c: d", "a:\n  # c\n  b: d", "{a: b}", "[a]", "a: [[b], {c: d}]", "a: {b: [}", "a: [']']", "a: b\n\n\n  c",
}

func TestSimpleYAMLReadsWhatTemplatesAreMadeOf(t *testing.T) {
	for _, text := range simpleTexts {
		if text != "- a" {
			assert.True(t, checkSimply(t, text), "%q", text)
		}
	}
	for _, text := range otherTexts {
		checkSimply(t, text)
	}
}

// FuzzSimpleYAML looks for text that is read in another way than the real parser reads it.
func FuzzSimpleYAML(f *testing.F) {
	for _, text := range append(simpleTexts, otherTexts...) {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) { checkSimply(t, text) })
}
