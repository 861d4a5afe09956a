package render

import (
	"regexp"
	"strconv"
	"strings"
	"text/template"
	"text/template/parse"
)

// origins says of each line of the text which template line made it, or nil if that cannot be found out. It tries with marks in front of
// what actions write too, which a function may take for more than white space, and then without these: a line of which no template text
// is, such as one of toYaml, belongs to the last one before it.
func (s *Set) origins(name string, data *Data, text string, functions template.FuncMap) []Position {
	for _, marked := range s.marked() {
		again, err := newEngine(marked.trees, nil, functions, maxMaskedBytes).execute(name, data)
		if err == nil && markPattern.ReplaceAllString(again, "") == text {
			return marked.origins(Position{File: s.sources.files[name].String()}, again)
		}
	}
	return nil
}

// marked are copies of all trees with marks in them; positions are by the numbers of the marks.
type marked struct {
	trees     map[string]*parse.Tree
	positions []Position
}

// origins reads the marks in a text, which begins with what the given position has made. Of the marks in front of a line the last one is
// nearest to what is written; a line without one goes on with what the line before has ended with.
func (m marked) origins(last Position, text string) []Position {
	var origins []Position
	for line := range strings.SplitSeq(text, "\n") {
		all := markPattern.FindAllString(line, -1)
		if all != nil {
			front := markPattern.FindAllString(frontPattern.FindString(line), -1)
			last = m.positions[markNumber(all[max(0, len(front)-1)])]
		}
		origins = append(origins, last)
		if all != nil {
			last = m.positions[markNumber(all[len(all)-1])]
		}
	}
	return origins
}

// A mark is a number written in digits that are white space to YAML's authors and to `trim`: U+2000 to U+2009 between two U+200A.
const (
	markEdge = '\u200a'
	markZero = '\u2000'
)

var (
	markPattern  = regexp.MustCompile(`\x{200a}[\x{2000}-\x{2009}]+\x{200a}`)
	frontPattern = regexp.MustCompile(`^[ \t\-\x{2000}-\x{200a}]*`)
)

func markText(number int) string {
	digits := strings.Map(func(r rune) rune { return r - '0' + markZero }, strconv.Itoa(number))
	return string(markEdge) + digits + string(markEdge)
}

func markNumber(mark string) int {
	digits := strings.Map(func(r rune) rune { return r - markZero + '0' }, strings.Trim(mark, string(markEdge)))
	number, _ := strconv.Atoi(digits)
	return number
}

// marker puts a mark in front of what each line of template text begins with, and if actions says so in front of what actions write.
type marker struct {
	file    file
	actions bool
	marks   *[]Position
}

// markTrees marks all trees, in the order in which origins tries them.
func markTrees(sources *sources) []marked {
	var all []marked
	for _, actions := range []bool{true, false} {
		m := marked{trees: map[string]*parse.Tree{}}
		for name, tree := range sources.trees {
			m.trees[name] = tree.Copy()
			marker{file: sources.origins[name], actions: actions, marks: &m.positions}.mark(m.trees[name].Root)
		}
		all = append(all, m)
	}
	return all
}

func (m marker) mark(node parse.Node) {
	switch node := node.(type) {
	case *parse.ListNode:
		if node != nil {
			m.markList(node)
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

func (m marker) markList(list *parse.ListNode) {
	var nodes []parse.Node
	for _, node := range list.Nodes {
		if action, ok := node.(*parse.ActionNode); ok && m.actions && len(action.Pipe.Decl) == 0 {
			text := m.newMark(m.file.line(int(action.Pos)))
			nodes = append(nodes, &parse.TextNode{NodeType: parse.NodeText, Pos: action.Pos, Text: []byte(text)})
		}
		m.mark(node)
		nodes = append(nodes, node)
	}
	list.Nodes = nodes
}

func (m marker) newMark(line int) string {
	*m.marks = append(*m.marks, Position{File: m.file.String(), Line: line})
	return markText(len(*m.marks) - 1)
}

func (m marker) markLines(text string, offset int) []byte {
	if text == "" {
		return nil
	}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		content := strings.TrimLeft(line, " \t-")
		if content == "" {
			continue
		}
		start := len(line) - len(content)
		lines[i] = line[:start] + m.newMark(m.file.line(offset)+i) + content
	}
	return []byte(strings.Join(lines, "\n"))
}
