package terminal

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestCleanLeavesNoControlCharacter(t *testing.T) {
	for text, want := range map[string]string{
		"plain ä 日本 🙂\n\tnext":           "plain ä 日本 🙂\n\tnext",
		"\x1b[2J\x1b]0;title\x07gone":    "\uFFFD[2J\uFFFD]0;title\uFFFDgone",
		"back\b\rspace\x00":              "back\uFFFD\uFFFDspace\uFFFD",
		"C1 \u009b31m, bidi \u202eevil":  "C1 \uFFFD31m, bidi \uFFFDevil",
		"zero\u200bwidth, mark\ufeff":    "zero\uFFFDwidth, mark\uFFFD",
		"invalid \xff\xfe":               "invalid \uFFFD",
		"line\u2028paragraph\u2029break": "line\uFFFDparagraph\uFFFDbreak",
	} {
		assert.Equal(t, want, Clean(text))
	}
	assert.Equal(t, "one two three", Line("one\n\n\ttwo\nthree\n"))
}

func FuzzClean(f *testing.F) {
	f.Add("\x1b[31m\u009b\xff")
	f.Fuzz(func(t *testing.T, text string) {
		for _, r := range Clean(text) {
			assert.False(t, r != '\n' && r != '\t' && isControl(r), "%U", r)
		}
		assert.False(t, strings.ContainsAny(Line(text), "\n\t"))
	})
}

func TestStyle(t *testing.T) {
	assert.Equal(t, "\x1b[31mx\x1b[0m", Style(true).Bad("x"))
	assert.Equal(t, "x", Style(false).Bad("x"))
	assert.Empty(t, Style(true).Good(""))
}

func TestBlockIsWrittenInPlace(t *testing.T) {
	var out bytes.Buffer
	block := NewBlock(&out, 10)
	assert.NoError(t, block.Show("first\nsecond\n"))
	assert.Equal(t, "first\nsecond\n", out.String())
	out.Reset()
	assert.NoError(t, block.Show("a line that is too long"))
	assert.Equal(t, "\x1b[2A\x1b[Ja line th\n", out.String())
	out.Reset()
	block.Clear()
	block.Clear()
	assert.Equal(t, "\x1b[1A\x1b[J", out.String())
}

func TestCutCountsVisibleCharactersOnly(t *testing.T) {
	assert.Equal(t, "\x1b[31m123456789\x1b[0m", cut("\x1b[31m1234567890\x1b[0m", 10))
	assert.Equal(t, "\x1b[31m123\x1b[0m", cut("\x1b[31m123\x1b[0m", 10))
	assert.Equal(t, "äöüäöüäöü", cut("äöüäöüäöüä", 10))
	assert.Equal(t, strings.Repeat("x", 100), cut(strings.Repeat("x", 100), 0))
}
