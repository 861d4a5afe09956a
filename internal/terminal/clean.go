// Package terminal is for text on a terminal: harmless, in colour where that is wanted, and rewritten in place.
package terminal

import (
	"strings"
	"unicode"
)

// Clean makes text from a cluster harmless for a terminal: line breaks and tabs stay, every other control and format character
// (escape sequences begin with one, and some change the direction of the text around) is replaced by U+FFFD.
func Clean(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || !isControl(r) {
			return r
		}
		return unicode.ReplacementChar
	}, strings.ToValidUTF8(text, string(unicode.ReplacementChar)))
}

// Line is Clean for text that has to stay on one line.
func Line(text string) string {
	return strings.Join(strings.FieldsFunc(Clean(text), func(r rune) bool { return r == '\n' || r == '\t' }), " ")
}

func isControl(r rune) bool {
	return unicode.Is(unicode.Cc, r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029'
}
