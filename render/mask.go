package render

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A task is untrusted and a template's author may forget to quote. So a task's strings go through templates in disguise: every
// character that YAML could read as syntax, and the first one in any case, is moved into a private-use plane, where it means nothing to
// YAML. Disguise is one to one: undone, a string is what it was. The first character tells that a string is a task's, whatever a
// function may cut out of it that looks like a number.
//
// mask is a disguise: each disguised character is moved up by base, which keeps the number of characters.
type mask struct {
	base rune
	// empties disguises the empty string too, as one character that undo removes. A bare empty string is a null to YAML.
	// It cannot be part of the exact proof, because templates may well ask whether a string is empty.
	empties bool
}

// What is put on top of these characters of the basic plane is never a disguised one, because they are surrogates, which no text that is
// valid UTF-8 holds.
const (
	empty            = 0xD800 // an empty string
	firstPlaceholder = 0xD801 // of a bound rendering (bind.go)
	lastPlaceholder  = 0xDFFF
)

// The planes that a disguise can use: private use, 16 bits wide. The first is taken unless a task's own strings use it.
var planes = []rune{0xF0000, 0x100000}

const planeSize = 0x10000

// newMask chooses a disguise that none of the strings wears already.
func newMask(texts []string) (mask, error) {
	for _, base := range planes {
		m := mask{base: base}
		free := true
		for _, text := range texts {
			free = free && !m.isIn(text)
		}
		if free {
			return m, nil
		}
	}
	return mask{}, fmt.Errorf("its strings hold private-use characters of both planes 15 and 16, so they cannot be told from disguised ones")
}

func (m mask) isMasked(r rune) bool { return r >= m.base && r-m.base < planeSize }

// isIn tells whether any of the text is disguised.
func (m mask) isIn(text string) bool {
	return mayBeDisguised(text) && strings.IndexFunc(text, m.isMasked) >= 0
}

// mayBeDisguised is false for texts without any character beyond the basic plane: most.
func mayBeDisguised(text string) bool {
	for i := range len(text) {
		if text[i] >= 0xF0 {
			return true
		}
	}
	return false
}

// apply disguises a task's string.
func (m mask) apply(text string) string {
	if text == "" && m.empties {
		return string(m.base + empty)
	}
	last := len(text) - 1
	first := true
	from := 0 // what is not in masked yet
	var masked strings.Builder
	masked.Grow(len(text) + 16)
	for i, r := range text {
		if r < planeSize && (first || isSyntax(r, i == last)) {
			masked.WriteString(text[from:i])
			masked.WriteRune(r + m.base)
			_, size := utf8.DecodeRuneInString(text[i:])
			first, from = false, i+size
		}
	}
	masked.WriteString(text[from:])
	return masked.String()
}

// undo takes the disguise off again, wherever it is in the text.
func (m mask) undo(text string) string {
	if !m.isIn(text) {
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

// isSyntax tells characters that YAML could read as more than themselves. last says that the character ends its string, where some
// that are harmless inside of a word are not.
func isSyntax(r rune, last bool) bool {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_', r == '/':
		return false
	case r == '-', r == '.', r == ':', r == '@', r == '=', r == '+':
		return last
	case r >= planeSize:
		return false
	}
	return r < 0x80 || !unicode.IsLetter(r) && !unicode.IsDigit(r)
}
