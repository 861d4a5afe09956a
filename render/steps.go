package render

import (
	"fmt"
	"strings"
	"text/template/parse"
)

// Rendering has no clock, so what has no end is found by counting. text/template writes every text of a template by itself. So an empty
// text, a step, is put at the beginning of every loop and in front of every call of a template: each turn and each call then writes,
// and thereby counts, even if it prints nothing.
//
// A step is known again by the address of its text, which text/template hands to Write as it is.
type steps map[*byte]step

// step is the loop or the call that a step counts.
type step struct {
	tree *parse.Tree
	node parse.Node
}

// add puts steps into what a node of the tree holds.
func (s steps) add(tree *parse.Tree, node parse.Node) {
	switch node := node.(type) {
	case *parse.RangeNode:
		s.addToList(tree, node.List)
		node.List.Nodes = append([]parse.Node{s.newStep(tree, node)}, node.List.Nodes...)
		s.addToList(tree, node.ElseList)
	case *parse.IfNode:
		s.addToList(tree, node.List)
		s.addToList(tree, node.ElseList)
	case *parse.WithNode:
		s.addToList(tree, node.List)
		s.addToList(tree, node.ElseList)
	}
}

func (s steps) addToList(tree *parse.Tree, list *parse.ListNode) {
	if list == nil {
		return
	}
	nodes := make([]parse.Node, 0, len(list.Nodes))
	for _, node := range list.Nodes {
		if call, ok := node.(*parse.TemplateNode); ok {
			nodes = append(nodes, s.newStep(tree, call))
		}
		s.add(tree, node)
		nodes = append(nodes, node)
	}
	list.Nodes = nodes
}

func (s steps) newStep(tree *parse.Tree, node parse.Node) *parse.TextNode {
	text := make([]byte, 0, 1)
	s[&text[:1][0]] = step{tree, node}
	return &parse.TextNode{NodeType: parse.NodeText, Pos: node.Position(), Text: text}
}

// String is the expression of the loop or the call.
func (s step) String() string {
	switch node := s.node.(type) {
	case *parse.RangeNode:
		return "range " + node.Pipe.String()
	case *parse.TemplateNode:
		return strings.Trim(node.String(), "{}")
	}
	return s.node.String()
}

// turns counts how often loops have turned. A loop inside of another's turn begins anew with the next turn, so the one with the most turns
// is the one that does not come to an end.
type turns struct {
	steps   steps
	running []turn
}

type turn struct {
	step  *byte
	count int
}

func (t *turns) reset() { t.running = t.running[:0] }

// note counts an empty text if it is a step.
func (t *turns) note(text []byte) (isStep bool) {
	if cap(text) == 0 {
		return false
	}
	address := &text[:1][0]
	if _, isStep = t.steps[address]; !isStep {
		return false
	}
	for i := range t.running {
		if t.running[i].step == address {
			t.running = t.running[:i+1]
			t.running[i].count++
			return true
		}
	}
	t.running = append(t.running, turn{address, 1})
	return true
}

// locate says which loop or call has the most turns, if there is any.
func (t *turns) locate(err error) error {
	most := turn{}
	for _, turn := range t.running {
		if turn.count > most.count {
			most = turn
		}
	}
	if most.step == nil {
		return err
	}
	found := t.steps[most.step]
	location, _ := found.tree.ErrorContext(found.node)
	return fmt.Errorf("template: %s: executing %q at <%s>: %w", location, found.tree.Name, found, err)
}
