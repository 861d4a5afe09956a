package render

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"text/template/parse"
)

// sources are the chosen files of all layers, parsed: of each file name the last layer's, of each define the last layer's.
type sources struct {
	files   map[string]file        // by name: templates only
	trees   map[string]*parse.Tree // by template name: a file's name or a define's
	origins map[string]file        // by template name: where its text is
	steps   steps                  // in the trees
}

// names returns the file names of the objects, sorted, partials not among them.
func (s *sources) names() []string { return slices.Sorted(maps.Keys(s.files)) }

func (s *sources) has(name string) bool { _, ok := s.files[name]; return ok }

// parseLayers parses every template of every layer once. An overridden file is parsed too: a mistake in it is still a mistake.
func parseLayers(layers [][]file) (*sources, error) {
	s := &sources{files: map[string]file{}, trees: map[string]*parse.Tree{}, origins: map[string]file{}, steps: steps{}}
	var problems []error
	for _, files := range layers {
		defined := map[string]file{} // by this layer
		for _, f := range files {
			if !isTemplate(f.name) {
				continue
			}
			if err := s.add(f, defined); err != nil {
				problems = append(problems, err)
			}
		}
	}
	if err := errors.Join(problems...); err != nil {
		return s, err
	}
	return s, s.checkUsed()
}

// isTemplate tells templates and partials from values, the schema and what is ignored.
func isTemplate(name string) bool {
	switch name {
	case valuesFile, schemaFile:
		return false
	}
	return ignored(name) == "" && (path.Ext(name) == ".yaml" || strings.HasPrefix(name, "_"))
}

// add parses f and lets its trees win over those of earlier layers. Choosing here, and not in a template set, is what makes
// an override that is empty, or only a comment, win too.
func (s *sources) add(f file, defined map[string]file) error {
	trees, err := parseFile(f)
	if err != nil {
		return s.hinted(err)
	}
	if !f.isPartial() {
		s.files[f.name] = f
	}
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(trees)) {
		if name == f.name && f.isPartial() {
			problems = append(problems, onlyDefines(trees[name]))
			continue
		}
		if other, twice := defined[name]; twice {
			problems = append(problems, fmt.Errorf("parsing template %s: %q is already defined in %s", f, name, other))
		}
		defined[name] = f
		s.trees[name], s.origins[name] = trees[name], f
		s.steps.addToList(trees[name], trees[name].Root)
	}
	return errors.Join(problems...)
}

// parseFile returns the trees of a file: its own text under its name, and its defines.
func parseFile(f file) (map[string]*parse.Tree, error) {
	trees, err := parse.Parse(f.String(), f.text, "", "", functionNames)
	if err != nil {
		return nil, fmt.Errorf("parsing template: %w", err)
	}
	trees[f.name] = trees[f.String()]
	delete(trees, f.String())
	trees[f.name].Name = f.name
	return trees, nil
}

// onlyDefines refuses text outside of a partial's defines: nobody would ever see it.
func onlyDefines(tree *parse.Tree) error {
	for _, node := range tree.Root.Nodes {
		if parse.IsEmptyTree(node) {
			continue
		}
		location, context := tree.ErrorContext(node)
		return fmt.Errorf("parsing template: %s: <%s> stands outside of a define; a partial holds only defines", location, context)
	}
	return nil
}
