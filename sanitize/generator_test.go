package sanitize_test

import (
	"math/rand/v2"
	"slices"
	"strings"
)

// A generator makes families of inputs that differ in as little as possible.
type generator struct{ *rand.Rand }

// alphabets are small, so that the same strings come up in many ways.
var alphabets = []string{
	"ab", "aA", "aBcD", "a-", "a.-", "a._-", "A_", "-._", "a0", "bcdfg2456-", "task-build-2", "aZ9-._/: \x00",
	"aé", "aKk\u212a", "äöü漢字🙂", "a\xff", "\xc3\xa9\xe6\xbc\xa2-", "\x00\x01\x02a",
}

// lengths are those at which something changes: empty, the hash, and the limits without and with it.
var (
	shortLengths = []int{0, 1, 2, 3, 4, 5, 6, 8, 12, 13, 14, 15, 20}
	longLengths  = []int{48, 49, 50, 62, 63, 64, 65, 238, 239, 240, 252, 253, 254}
)

// neighbours returns inputs that are easily taken for one another.
func (g generator) neighbours() [][]string {
	s := g.text()
	return slices.Concat(single(g.edits(s)), g.splits(s), g.fedBack(s))
}

// text returns a random string, with a prefix too long for any name now and then.
func (g generator) text() string {
	alphabet := pick(g, alphabets)
	choices := shortLengths
	if g.IntN(16) == 0 {
		choices = longLengths
	}
	out := make([]byte, pick(g, choices))
	for i := range out {
		out[i] = alphabet[g.IntN(len(alphabet))]
	}
	if g.IntN(100) == 0 {
		return strings.Repeat("long-prefix.", 22) + string(out)
	}
	return string(out)
}

// edits returns s and what one small change makes of it.
func (g generator) edits(s string) []string {
	i := g.IntN(len(s) + 1)
	before, after := s[:i], s[i:]
	out := []string{s, strings.ToLower(s), strings.ToUpper(s), before, after, after + before, s + s}
	for _, inserted := range []string{"-", ".", "_", "/", " ", "\x00", "\xff", "é", "a", "A"} {
		out = append(out, before+inserted+after, inserted+s, s+inserted)
		if after != "" {
			out = append(out, before+inserted+after[1:])
		}
	}
	return out
}

// splits returns tuples that are s again once joined, and strings that imitate a join.
func (g generator) splits(s string) [][]string {
	i := g.IntN(len(s) + 1)
	before, after := s[:i], s[i:]
	return [][]string{
		{before, after},
		{after, before},
		{before + "-", after},
		{before, "-" + after},
		{before, "-", after},
		{before, "", after},
		{"", before, after},
		{before, after, ""},
		{strings.ToUpper(before), after},
		{before, strings.ToUpper(after)},
		{before + string(rune(len(after))) + after},
		{string(rune(len(before))) + before, after},
		{s, ""},
		{"", s},
		{s, s},
	}
}

// fedBack returns inputs made of a result for s.
func (g generator) fedBack(s string) [][]string {
	got := pick(g, functions).sanitize(s)
	again := pick(g, functions).sanitize(got)
	i := g.IntN(len(got) + 1)
	hyphen := max(strings.LastIndexByte(got, '-'), 0)
	return [][]string{
		{got},
		{again},
		{got, ""},
		{s, got},
		{got[:i], got[i:]},
		{got[:hyphen], got[hyphen:]},
		{got[hyphen:]},
		{"x" + got[hyphen:]},
		{strings.ToLower(got)},
		{strings.ToUpper(got)},
		{got + "a"},
		{got[:i]},
	}
}

func single(texts []string) [][]string {
	out := make([][]string, len(texts))
	for i, text := range texts {
		out[i] = []string{text}
	}
	return out
}

func pick[T any](g generator, from []T) T {
	return from[g.IntN(len(from))]
}
