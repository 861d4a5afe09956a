package render

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"text/template"
	"text/template/parse"

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

// origins says of each line of the text which template line made it, or nil if that cannot be found out. A line that no
// template text is on, such as one of toYaml, belongs to the last one before it.
func (s *Set) origins(name string, data *Data, text string, functions template.FuncMap) []Position {
	marked, marks := s.marked()
	again, err := newEngine(marked, nil, functions, maxMaskedBytes).execute(name, data)
	if err != nil || markPattern.ReplaceAllString(again, "") != text {
		return nil
	}
	last := Position{File: s.sources.files[name].String()}
	var origins []Position
	for line := range strings.SplitSeq(again, "\n") {
		if found := markPattern.FindString(line); found != "" {
			last = marks[markNumber(found)]
		}
		origins = append(origins, last)
	}
	return origins
}

// A mark is a number written in digits that are white space to YAML's authors and to `trim`: U+2000 to U+2009 between two U+200A.
const (
	markEdge = '\u200a'
	markZero = '\u2000'
)

var markPattern = regexp.MustCompile(`\x{200a}[\x{2000}-\x{2009}]+\x{200a}`)

func markText(number int) string {
	digits := strings.Map(func(r rune) rune { return r - '0' + markZero }, strconv.Itoa(number))
	return string(markEdge) + digits + string(markEdge)
}

func markNumber(mark string) int {
	digits := strings.Map(func(r rune) rune { return r - markZero + '0' }, strings.Trim(mark, string(markEdge)))
	number, _ := strconv.Atoi(digits)
	return number
}

// marker puts a mark in front of what each line of template text begins with.
type marker struct {
	file  file
	marks *[]Position
}

// markTrees copies all trees and marks the copies; marks are by their numbers.
func markTrees(sources *sources) (map[string]*parse.Tree, []Position) {
	trees := map[string]*parse.Tree{}
	var marks []Position
	for name, tree := range sources.trees {
		marked := tree.Copy()
		marker{file: sources.origins[name], marks: &marks}.mark(marked.Root)
		trees[name] = marked
	}
	return trees, marks
}

func (m marker) mark(node parse.Node) {
	switch node := node.(type) {
	case *parse.ListNode:
		if node == nil {
			return
		}
		for _, child := range node.Nodes {
			m.mark(child)
		}
	case *parse.TextNode:
		node.Text = m.markLines(string(node.Text), int(node.Pos))
	case *parse.RangeNode:
		m.mark(node.List)
		m.mark(node.ElseList)
	case *parse.IfNode:
		m.mark(node.List)
		m.mark(node.ElseList)
	case *parse.WithNode:
		m.mark(node.List)
		m.mark(node.ElseList)
	}
}

func (m marker) markLines(text string, offset int) []byte {
	if text == "" {
		return nil
	}
	first := 1 + strings.Count(m.file.text[:min(offset, len(m.file.text))], "\n")
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		content := strings.TrimLeft(line, " \t-")
		if content == "" {
			continue
		}
		start := len(line) - len(content)
		lines[i] = line[:start] + markText(len(*m.marks)) + content
		*m.marks = append(*m.marks, Position{File: m.file.String(), Line: first + i})
	}
	return []byte(strings.Join(lines, "\n"))
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
