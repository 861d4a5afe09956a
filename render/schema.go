package render

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
	utiljson "k8s.io/apimachinery/pkg/util/json"
)

// schema is the JSON Schema of the values: the defaults' own, with what later layers add merged into it.
type schema struct {
	document map[string]any
	compiled *jsonschema.Schema
}

func loadSchema(files []file) (*schema, error) {
	s := &schema{document: map[string]any{}}
	for _, f := range files {
		if f.name != schemaFile {
			continue
		}
		var layer map[string]any
		err := utiljson.Unmarshal([]byte(f.text), &layer)
		if err != nil {
			return nil, fmt.Errorf("parsing schema %s: %w", jsonPosition(f), err)
		}
		s.document = mergeValues(s.document, layer, listKeys{})
		if s.compiled, err = compileSchema(s.document); err != nil {
			return nil, fmt.Errorf("compiling %s: %w", f, err)
		}
	}
	if s.compiled != nil {
		return s, nil
	}
	var err error
	if s.compiled, err = compileSchema(s.document); err != nil {
		return nil, fmt.Errorf("compiling an empty %s: %w", schemaFile, err)
	}
	return s, nil
}

// jsonPosition is where the JSON of a file is broken.
func jsonPosition(f file) Position {
	position := Position{File: f.String()}
	var syntax *json.SyntaxError
	if errors.As(json.Unmarshal([]byte(f.text), new(any)), &syntax) {
		position.Line = f.line(int(syntax.Offset))
	}
	return position
}

// noLoader keeps the compiler from reading files or the network through a $ref.
type noLoader struct{}

func (noLoader) Load(url string) (any, error) {
	return nil, fmt.Errorf("a schema is self-contained; it cannot refer to %q", url)
}

func compileSchema(document map[string]any) (*jsonschema.Schema, error) {
	compiler := jsonschema.NewCompiler()
	compiler.UseLoader(noLoader{})
	if err := compiler.AddResource(schemaFile, document); err != nil {
		return nil, err
	}
	return compiler.Compile(schemaFile)
}

// check validates values. Its errors are each a *pathError that says what was expected.
func (s *schema) check(values map[string]any) error {
	err := s.compiled.Validate(values)
	var invalid *jsonschema.ValidationError
	if !errors.As(err, &invalid) {
		return err
	}
	var problems []error
	for _, leaf := range leaves(invalid) {
		problems = append(problems, s.explain(pathIn(values, leaf.InstanceLocation), leaf.ErrorKind)...)
	}
	slices.SortFunc(problems, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(slices.CompactFunc(problems, func(a, b error) bool { return a.Error() == b.Error() })...)
}

// leaves are the causes that have none.
func leaves(invalid *jsonschema.ValidationError) []*jsonschema.ValidationError {
	if len(invalid.Causes) == 0 {
		return []*jsonschema.ValidationError{invalid}
	}
	var found []*jsonschema.ValidationError
	for _, cause := range invalid.Causes {
		found = append(found, leaves(cause)...)
	}
	return found
}

// explain says in words of YAML what was expected at a path.
func (s *schema) explain(path []any, wrong jsonschema.ErrorKind) []error {
	switch wrong := wrong.(type) {
	case *kind.AdditionalProperties:
		var problems []error
		for _, name := range wrong.Properties {
			problems = append(problems, s.unknownKey(path, name))
		}
		return problems
	case *kind.Type:
		want := make([]string, len(wrong.Want))
		for i, name := range wrong.Want {
			want[i] = yamlType(name)
		}
		return []error{&pathError{path: path, err: fmt.Errorf("got a %s, want a %s", yamlType(wrong.Got), strings.Join(want, " or a "))}}
	}
	text := wrong.LocalizedString(message.NewPrinter(language.English))
	return []error{&pathError{path: path, err: errors.New(text)}}
}

// yamlType is YAML's word for a type of JSON Schema.
func yamlType(name string) string {
	switch name {
	case "array":
		return "list"
	case "object":
		return "map"
	case "integer":
		return "whole number"
	}
	return name
}

// unknownKey says what to do about a key that the schema does not describe.
func (s *schema) unknownKey(path []any, name string) error {
	at := newListKeys(s.document)
	for _, step := range path {
		if key, isKey := step.(string); isKey {
			at = at.child(key)
		} else {
			at = at.items()
		}
	}
	properties, _ := at.schema["properties"].(map[string]any)
	err := fmt.Errorf("unknown key; a layer that needs a value of its own describes it in its %s", schemaFile)
	if near := nearest(name, properties); near != "" {
		err = fmt.Errorf("unknown key; did you mean %q?", near)
	}
	return &pathError{path: append(slices.Clone(path), name), err: err}
}

// pathIn turns the steps of a JSON pointer into map keys and list indexes.
func pathIn(value any, steps []string) []any {
	path := make([]any, len(steps))
	for i, step := range steps {
		path[i] = step
		switch at := value.(type) {
		case map[string]any:
			value = at[step]
		case []any:
			index, _ := strconv.Atoi(step)
			path[i], value = index, at[index]
		}
	}
	return path
}

func withoutNulls(value any) any {
	switch value := value.(type) {
	case map[string]any:
		kept := make(map[string]any, len(value))
		for name, item := range value {
			if item != nil {
				kept[name] = withoutNulls(item)
			}
		}
		return kept
	case []any:
		kept := make([]any, len(value))
		for i, item := range value {
			kept[i] = withoutNulls(item)
		}
		return kept
	}
	return value
}
