package render

import (
	"errors"
	"fmt"
	"slices"
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
			return nil, fmt.Errorf("parsing %s: %w", f, err)
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

// check validates one layer's values. Nulls are left out first: they remove a key of an earlier layer.
func (s *schema) check(source string, values map[string]any) error {
	err := s.compiled.Validate(withoutNulls(values))
	var invalid *jsonschema.ValidationError
	if !errors.As(err, &invalid) {
		return err
	}
	var problems []string
	s.explain(invalid, &problems)
	slices.Sort(problems)
	return fmt.Errorf("checking values %s:\n  %s", source, strings.Join(slices.Compact(problems), "\n  "))
}

// explain collects the leaves of a validation error, one line each: path, and what was expected.
func (s *schema) explain(invalid *jsonschema.ValidationError, problems *[]string) {
	if len(invalid.Causes) > 0 {
		for _, cause := range invalid.Causes {
			s.explain(cause, problems)
		}
		return
	}
	path := invalid.InstanceLocation
	if unknown, ok := invalid.ErrorKind.(*kind.AdditionalProperties); ok {
		for _, name := range unknown.Properties {
			*problems = append(*problems, s.unknownKey(path, name))
		}
		return
	}
	printer := message.NewPrinter(language.English)
	*problems = append(*problems, fmt.Sprintf("%s: %s", pathName(path), invalid.ErrorKind.LocalizedString(printer)))
}

func (s *schema) unknownKey(path []string, name string) string {
	at := newListKeys(s.document)
	for _, step := range path {
		if isIndex(step) {
			at = at.items()
		} else {
			at = at.child(step)
		}
	}
	properties, _ := at.schema["properties"].(map[string]any)
	text := fmt.Sprintf("%s: unknown key", pathName(append(slices.Clone(path), name)))
	if near := nearest(name, properties); near != "" {
		return fmt.Sprintf("%s; did you mean %q?", text, near)
	}
	return text + fmt.Sprintf("; a layer that needs a value of its own describes it in its %s", schemaFile)
}

func pathName(path []string) string {
	if len(path) == 0 {
		return "values"
	}
	var text strings.Builder
	for i, step := range path {
		switch {
		case isIndex(step):
			text.WriteString("[" + step + "]")
		case i > 0:
			text.WriteString("." + step)
		default:
			text.WriteString(step)
		}
	}
	return text.String()
}

// isIndex tells the steps of a path that count items of a list.
func isIndex(step string) bool { return step != "" && strings.Trim(step, "0123456789") == "" }

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
