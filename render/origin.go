package render

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

// Line is one line of a manifest and what made it.
type Line struct {
	Text string
	From Position // of the template; its File is DriverFile for what the driver sets itself
}

// DriverFile is the Position.File of what no template made: name, namespace, labels and annotations.
const DriverFile = "driver"

// Explain renders a task as Task does and returns the manifest as an operator would see it, extras first, with the template line
// that each line came from. It is for people: it costs several renderings.
func (s *Set) Explain(task orchestra.Task, role Role) ([]Line, error) {
	data, err := s.taskData(task, role)
	if err != nil {
		return nil, fmt.Errorf("explaining task %q: %w", task.ID, err)
	}
	workload, extras, err := s.taskDocuments(data)
	if err != nil {
		return nil, fmt.Errorf("explaining task %q: %w", task.ID, err)
	}
	var lines []Line
	for _, document := range append(extras, workload) {
		if len(lines) > 0 {
			lines = append(lines, Line{Text: "---", From: Position{File: DriverFile}})
		}
		explained, err := document.lines()
		if err != nil {
			return nil, fmt.Errorf("explaining task %q: %w", task.ID, err)
		}
		lines = append(lines, explained...)
	}
	return lines, nil
}

// lines writes the object as YAML and looks up each field in the text that its template rendered to.
func (d document) lines() ([]Line, error) {
	manifest, err := sigsyaml.Marshal(d.object)
	if err != nil {
		return nil, fmt.Errorf("writing %s: %w", d.file, err)
	}
	text := d.text()
	origins := d.set.origins(d.file, d.data, text, libraryFunctions)
	rendered := yamlDocument(text, d.index)
	paths := map[int][]any{} // by line of the manifest, from 1; the longest
	walkLines((*yaml.Node)(yamlDocument(string(manifest), 0)), nil, paths)
	var lines []Line
	from := Position{File: d.set.sources.files[d.file].String()}
	for written := range strings.Lines(string(manifest)) {
		if path, starts := paths[len(lines)+1]; starts {
			line, found := rendered.find(path)
			switch {
			case !found:
				from = Position{File: DriverFile}
			case line <= len(origins):
				from = origins[line-1]
			}
		}
		lines = append(lines, Line{Text: strings.TrimSuffix(written, "\n"), From: from})
	}
	return lines, nil
}

// walkLines notes the path of what begins on each line.
func walkLines(node *yaml.Node, path []any, paths map[int][]any) {
	step := func(step any) []any { return append(path[:len(path):len(path)], step) }
	switch node.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(node.Content); i += 2 {
			at := step(node.Content[i].Value)
			paths[node.Content[i].Line] = at
			walkLines(node.Content[i+1], at, paths)
		}
	case yaml.SequenceNode:
		for i, item := range node.Content {
			paths[item.Line] = step(i)
			walkLines(item, step(i), paths)
		}
	}
}
