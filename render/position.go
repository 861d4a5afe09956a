package render

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"text/template"

	"go.yaml.in/yaml/v3"
)

// Position is a line of a template.
type Position struct {
	File string // layer and file
	Line int    // from 1; 0 if unknown
}

func (p Position) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}

// position finds the template line that made a line of the text, which was rendered with these functions. It renders once
// more with marked templates, so it is for errors only.
func (s *Set) position(name string, data *Data, text string, line int, functions template.FuncMap) Position {
	origins := s.origins(name, data, text, functions)
	if line == 0 || len(origins) == 0 {
		return Position{File: s.sources.files[name].String()}
	}
	return origins[min(line, len(origins))-1]
}

// yamlLine returns the line at which a path of a document stands, or the nearest known line above; 0 if nothing can be found.
func yamlLine(text string, document int, path []any) int {
	line, _ := yamlDocument(text, document).find(path)
	return line
}

// find returns the line of a path, or if it is not found that of the nearest step above.
func (n *yamlNode) find(path []any) (line int, found bool) {
	if n == nil {
		return 0, false
	}
	node, line := (*yaml.Node)(n), n.Line
	for _, step := range path {
		if node, line = yamlChild(node, step, line); node == nil {
			return line, false
		}
	}
	return line, true
}

// yamlNode is the root of a document; nil if there is none.
type yamlNode yaml.Node

// yamlDocument returns the document of that number, empty ones not counted.
func yamlDocument(text string, number int) *yamlNode {
	decoder := yaml.NewDecoder(strings.NewReader(text))
	for seen := 0; ; {
		var node yaml.Node
		if err := decoder.Decode(&node); errors.Is(err, io.EOF) || err != nil {
			return nil
		}
		if len(node.Content) == 0 || node.Content[0].Tag == "!!null" {
			continue
		}
		if seen == number {
			return (*yamlNode)(node.Content[0])
		}
		seen++
	}
}

func yamlChild(node *yaml.Node, step any, line int) (*yaml.Node, int) {
	switch step := step.(type) {
	case string:
		for i := 0; node.Kind == yaml.MappingNode && i+1 < len(node.Content); i += 2 {
			if node.Content[i].Value == step {
				return node.Content[i+1], node.Content[i].Line
			}
		}
	case int:
		if node.Kind == yaml.SequenceNode && step < len(node.Content) {
			return node.Content[step], node.Content[step].Line
		}
	}
	return nil, line
}
