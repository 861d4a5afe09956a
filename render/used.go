package render

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
)

var (
	usePattern     = regexp.MustCompile(`\b(?:include|template) ("(?:[^"\\]|\\.)*")`)
	computePattern = regexp.MustCompile(`\binclude [^"]`) // a name that only a rendering knows
)

// checkUsed refuses a define that nobody uses and whose name is nearly that of one that is used: it was to replace that one, and would
// be ignored without a word. Other defines may wait for a layer that uses them.
func (s *sources) checkUsed() error {
	used := map[string]any{}
	for _, tree := range s.trees {
		text := tree.Root.String()
		if computePattern.MatchString(text) {
			return nil
		}
		for _, found := range usePattern.FindAllStringSubmatch(text, -1) {
			if name, err := strconv.Unquote(found[1]); err == nil {
				used[name] = nil
			}
		}
	}
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(s.origins)) {
		_, isUsed := used[name]
		if near := nearest(name, used); near != "" && !isUsed && !s.has(name) && s.origins[near] != s.origins[name] {
			problems = append(problems, fmt.Errorf("template %s: the define %q is used by nobody; did you mean %q?", s.definedAt(name), name, near))
		}
	}
	return errors.Join(problems...)
}

// definedAt is where the name of a define stands first in its file.
func (s *sources) definedAt(name string) Position {
	f := s.origins[name]
	position := Position{File: f.String()}
	if at := regexp.MustCompile(`define\s+` + regexp.QuoteMeta(strconv.Quote(name))).FindStringIndex(f.text); at != nil {
		position.Line = f.line(at[0])
	}
	return position
}
