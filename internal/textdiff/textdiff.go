// Package textdiff compares two texts line by line.
package textdiff

import (
	"slices"
	"strings"
)

// Context is how many equal lines are shown around a difference.
const Context = 3

// Op says which text a line is in.
type Op byte

// The operations, as a reader of diffs knows them. Gap stands for equal lines that are left out.
const (
	Equal  Op = ' '
	Remove Op = '-'
	Add    Op = '+'
	Gap    Op = '@'
)

// Line is one line of a difference, without its line break.
type Line struct {
	Op   Op
	Text string
}

// Lines returns what turns one text into the other, with Context lines around; nil if their lines are the same. It takes time and memory in
// proportion to the product of their lengths: it is for manifests, not for logs.
func Lines(one, other string) []Line {
	before, after := split(one), split(other)
	if slices.Equal(before, after) {
		return nil
	}
	return withContext(compare(before, after))
}

func split(text string) []string { return strings.Split(strings.TrimSuffix(text, "\n"), "\n") }

// compare walks along the longest common subsequence.
func compare(a, b []string) []Line {
	longest := commonLengths(a, b)
	var lines []Line
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			lines = append(lines, Line{Equal, a[i]})
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && longest[i+1][j] >= longest[i][j+1]:
			lines = append(lines, Line{Remove, a[i]})
			i++
		default:
			lines = append(lines, Line{Add, b[j]})
			j++
		}
	}
	return lines
}

// commonLengths are the lengths of the longest common subsequences of all pairs of ends.
func commonLengths(a, b []string) [][]int {
	lengths := make([][]int, len(a)+1)
	for i := range lengths {
		lengths[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				lengths[i][j] = lengths[i+1][j+1] + 1
			} else {
				lengths[i][j] = max(lengths[i+1][j], lengths[i][j+1])
			}
		}
	}
	return lengths
}

// withContext leaves out equal lines that are far from a difference.
func withContext(lines []Line) []Line {
	near := make([]bool, len(lines))
	for i, line := range lines {
		if line.Op != Equal {
			for j := max(0, i-Context); j <= min(len(lines)-1, i+Context); j++ {
				near[j] = true
			}
		}
	}
	var kept []Line
	for i, line := range lines {
		switch {
		case near[i]:
			kept = append(kept, line)
		case len(kept) == 0 || kept[len(kept)-1].Op != Gap:
			kept = append(kept, Line{Op: Gap})
		}
	}
	return kept
}
