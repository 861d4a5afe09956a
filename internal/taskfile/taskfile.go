// Package taskfile reads a task from YAML. Every mistake is reported at once, with its line; nothing is silently ignored.
package taskfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

// Parse reads one task. name is the file's, for errors. It checks the form only: Task.Validate checks the content.
//
//	id: build-7
//	image: busybox
//	command: [sh, -c, "make all"]
//	env: {GOFLAGS: -mod=vendor}
//	mounts: [{name: cache, path: cache, sizeGB: 2}]
//	limits: {cpu: 500m, memory: 512Mi}
//	privileged: false
//	user: "1000:1000"
//	workDir: src
func Parse(name string, content []byte) (orchestra.Task, error) {
	var task orchestra.Task
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	var document, second yaml.Node
	if err := decoder.Decode(&document); err != nil {
		if errors.Is(err, io.EOF) {
			err = errors.New("it is empty")
		}
		return task, fmt.Errorf("reading task file %q: %w", name, err)
	}
	r := reader{file: name}
	r.task(document.Content[0], &task)
	if err := decoder.Decode(&second); err == nil {
		r.problem(&second, "a second document; a task file holds one task")
	} else if !errors.Is(err, io.EOF) {
		r.problems = append(r.problems, fmt.Errorf("reading task file %q: %w", name, err))
	}
	return task, errors.Join(r.problems...)
}

// reader collects problems.
type reader struct {
	file     string
	problems []error
}

func (r *reader) problem(node *yaml.Node, format string, args ...any) {
	r.problems = append(r.problems, fmt.Errorf("task file %s:%d: %s", r.file, node.Line, fmt.Sprintf(format, args...)))
}

// field reads the value of a key.
type field func(value *yaml.Node)

func (r *reader) task(node *yaml.Node, task *orchestra.Task) {
	r.mapping(node, map[string]field{
		"id":         r.text(&task.ID),
		"image":      r.text(&task.Image),
		"command":    r.texts(&task.Command),
		"env":        func(value *yaml.Node) { r.env(value, task) },
		"mounts":     func(value *yaml.Node) { r.mounts(value, task) },
		"limits":     func(value *yaml.Node) { r.limits(value, &task.ContainerLimits) },
		"privileged": r.truth(&task.Privileged),
		"user":       r.text(&task.User),
		"workDir":    r.text(&task.WorkDir),
	})
}

// mapping reads each key by its field. Unknown and repeated keys are problems.
func (r *reader) mapping(node *yaml.Node, fields map[string]field) {
	r.entries(node, func(key, value *yaml.Node) {
		read, known := fields[key.Value]
		if !known {
			r.problem(key, "unknown field %q; there are %s", key.Value, strings.Join(slices.Sorted(maps.Keys(fields)), ", "))
			return
		}
		read(value)
	})
}

// entries calls each for every key of a mapping.
func (r *reader) entries(node *yaml.Node, each func(key, value *yaml.Node)) {
	if node.Kind != yaml.MappingNode {
		r.problem(node, "want fields (name: value), not %s", kindOf(node))
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], resolve(node.Content[i+1])
		if seen[key.Value] {
			r.problem(key, "the field %q is there twice", key.Value)
			continue
		}
		seen[key.Value] = true
		each(key, value)
	}
}

// text reads any scalar as it is written: 1.10 and yes are texts here, without quotes.
func (r *reader) text(to *string) field {
	return func(value *yaml.Node) {
		if value.Kind != yaml.ScalarNode || value.Tag == "!!null" {
			r.problem(value, "want a text, not %s", kindOf(value))
			return
		}
		*to = value.Value
	}
}

func (r *reader) texts(to *[]string) field {
	return func(value *yaml.Node) {
		if value.Kind != yaml.SequenceNode {
			r.problem(value, "want a list, such as [sh, -c, \"echo hello\"], not %s", kindOf(value))
			return
		}
		for _, element := range value.Content {
			var text string
			r.text(&text)(resolve(element))
			*to = append(*to, text)
		}
	}
}

func (r *reader) truth(to *bool) field {
	return func(value *yaml.Node) {
		if value.Tag != "!!bool" || value.Decode(to) != nil {
			r.problem(value, "want true or false, not %s", kindOf(value))
		}
	}
}

func (r *reader) number(to *int) field {
	return func(value *yaml.Node) {
		number, err := strconv.Atoi(value.Value)
		if value.Kind != yaml.ScalarNode || err != nil || number < 0 {
			r.problem(value, "want a number that is not negative, not %s", kindOf(value))
			return
		}
		*to = number
	}
}

// resolve follows an alias.
func resolve(node *yaml.Node) *yaml.Node {
	if node.Kind == yaml.AliasNode {
		return node.Alias
	}
	return node
}

// kindOf is how a problem calls what was found.
func kindOf(node *yaml.Node) string {
	switch node.Kind {
	case yaml.MappingNode:
		return "fields"
	case yaml.SequenceNode:
		return "a list"
	}
	if node.Tag == "!!null" {
		return "nothing"
	}
	return strconv.Quote(node.Value)
}
