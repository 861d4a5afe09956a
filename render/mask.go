package render

import (
	"fmt"
	"strings"
	"unicode"
)

// A task is untrusted and a template's author may forget to quote. The proof that nothing of a task was read as YAML is a
// second rendering, in which every character of a task's strings that YAML could read as syntax, and the first one of
// whatever it could read as a number, boolean or null, is disguised as a private-use character, which means nothing to YAML.
// Disguise is one to one, so the proof is exact: undisguised, the second result must equal the first.
//
// mask is a disguise: each disguised character is moved up by base, which keeps the number of characters.
type mask struct {
	base rune
	// empties disguises the empty string too, as one character that undo removes. A bare empty string is a null to YAML.
	// It cannot be part of the exact proof, because templates may well ask whether a string is empty.
	empties bool
}

// empty is the last character of a plane, whose original U+FFFF is no character and never disguised.
const empty = 0xFFFF

// The planes that a disguise can use: private use, 16 bits wide. The first is taken unless a task's own strings use it.
var planes = []rune{0xF0000, 0x100000}

const planeSize = 0x10000

// newMask chooses a disguise that none of the strings wears already.
func newMask(texts []string) (mask, error) {
	for _, base := range planes {
		m := mask{base: base}
		free := true
		for _, text := range texts {
			free = free && strings.IndexFunc(text, m.isMasked) < 0
		}
		if free {
			return m, nil
		}
	}
	return mask{}, fmt.Errorf("its strings hold private-use characters of both planes 15 and 16, so they cannot be told from disguised ones")
}

func (m mask) isMasked(r rune) bool { return r >= m.base && r-m.base < planeSize }

// apply disguises a task's string.
func (m mask) apply(text string) string {
	if text == "" && m.empties {
		return string(m.base + empty)
	}
	if isHarmless(text) {
		return text
	}
	typed := looksTyped(text)
	last := len(text) - 1
	var masked strings.Builder
	for i, r := range text {
		edge := i == 0 || i == last
		if r < planeSize && (isSyntax(r, edge) || typed && i == 0) {
			r += m.base
		}
		masked.WriteRune(r)
	}
	return masked.String()
}

// undo takes the disguise off again, wherever it is in the text.
func (m mask) undo(text string) string {
	if strings.IndexFunc(text, m.isMasked) < 0 {
		return text
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == m.base+empty:
			return -1
		case m.isMasked(r):
			return r - m.base
		}
		return r
	}, text)
}

// isHarmless tells whether nothing in the text needs a disguise: true for the common image, name, path or word.
func isHarmless(text string) bool {
	last := len(text) - 1
	for i, r := range text {
		if isSyntax(r, i == 0 || i == last) {
			return false
		}
	}
	return !looksTyped(text)
}

// isSyntax tells characters that YAML could read as more than themselves. edge says that the character is the first or the
// last of its string, where some that are harmless inside of a word are not.
func isSyntax(r rune, edge bool) bool {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_', r == '/':
		return false
	case r == '-', r == '.', r == ':', r == '@', r == '=', r == '+':
		return edge
	case r >= empty:
		return false
	}
	return r < 0x80 || !unicode.IsLetter(r) && !unicode.IsDigit(r)
}

// words that YAML 1.1 reads as a boolean, null, number or merge key.
const typedWords = "true false yes no on off null y n .inf .nan ~ << ="

// looksTyped tells texts that YAML could read as another type, alone or joined to what stands before and after them: numbers and dates
// and parts of these, and parts of the words above.
func looksTyped(text string) bool {
	if len(text) > 64 {
		return strings.Trim(text, "0123456789_") == "" // only an integer can be as long
	}
	return strings.Trim(text, "0123456789abcdefABCDEFxXoO_.:+-TtZz") == "" || strings.Contains(typedWords, strings.ToLower(text))
}
