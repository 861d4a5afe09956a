package render

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v2"
)

// decodeDocuments parses YAML as kubectl would (YAML 1.1 scalars), strictly: duplicate keys, keys that are no strings,
// numbers that JSON cannot hold and text that is not UTF-8 are errors. Empty documents are left out.
func decodeDocuments(text string) ([]map[string]any, error) {
	decoder := yaml.NewDecoder(strings.NewReader(text))
	decoder.SetStrict(true)
	var documents []map[string]any
	for {
		var raw any
		err := decoder.Decode(&raw)
		if errors.Is(err, io.EOF) {
			return documents, nil
		}
		if err != nil {
			return nil, newYAMLError(text, err)
		}
		if raw == nil {
			continue
		}
		value, err := jsonValue(raw)
		if err != nil {
			return nil, withDocument(len(documents), err)
		}
		document, ok := value.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("the document is a %s, not a map of fields", kindName(value))
		}
		documents = append(documents, document)
	}
}

// jsonValue turns what yaml.v2 makes into what unstructured objects hold: map[string]any, []any, string, bool, int64, float64, nil.
func jsonValue(raw any) (any, error) {
	switch raw := raw.(type) {
	case map[any]any:
		return jsonMap(raw)
	case []any:
		list := make([]any, len(raw))
		for i, item := range raw {
			value, err := jsonValue(item)
			if err != nil {
				return nil, under(i, err)
			}
			list[i] = value
		}
		return list, nil
	case string:
		if !utf8.ValidString(raw) {
			return nil, fmt.Errorf("%q is not valid UTF-8", raw)
		}
		return raw, nil
	case int:
		return int64(raw), nil
	case float64:
		if math.IsNaN(raw) || math.IsInf(raw, 0) {
			return nil, fmt.Errorf("%v is no number that JSON can hold; quote it if it is text", raw)
		}
		return raw, nil
	case int64, bool, nil:
		return raw, nil
	}
	return nil, fmt.Errorf("%v (%T) fits no field of a Kubernetes object; quote it if it is text", raw, raw)
}

func jsonMap(raw map[any]any) (map[string]any, error) {
	fields := make(map[string]any, len(raw))
	for key, item := range raw {
		name, ok := key.(string)
		if !ok {
			return nil, fmt.Errorf("the key %v is read as a %s; quote it", key, kindName(key))
		}
		if !utf8.ValidString(name) {
			return nil, fmt.Errorf("the key %q is not valid UTF-8", name)
		}
		value, err := jsonValue(item)
		if err != nil {
			return nil, under(name, err)
		}
		fields[name] = value
	}
	return fields, nil
}

// pathError is an error at a place in a document. The path grows on the way up, so that good input pays nothing for it.
type pathError struct {
	document int
	path     []any // map keys and list indexes
	err      error
}

func (e *pathError) Error() string {
	if len(e.path) == 0 {
		return e.err.Error()
	}
	return pathString(e.path) + ": " + e.err.Error()
}

func (e *pathError) Unwrap() error { return e.err }

// under puts one more step in front of the path of err.
func under(step any, err error) error {
	var inner *pathError
	if errors.As(err, &inner) {
		return &pathError{path: append([]any{step}, inner.path...), err: inner.err}
	}
	return &pathError{path: []any{step}, err: err}
}

// pathString writes a path as Kubernetes does: spec.containers[0].env.
func pathString(path []any) string {
	var text strings.Builder
	for _, step := range path {
		switch step := step.(type) {
		case int:
			fmt.Fprintf(&text, "[%d]", step)
		case string:
			if text.Len() > 0 {
				text.WriteByte('.')
			}
			text.WriteString(step)
		}
	}
	return text.String()
}

// kindName is YAML's own word for a value's kind.
func kindName(value any) string {
	switch value.(type) {
	case nil:
		return "null"
	case map[string]any, map[any]any:
		return "map"
	case []any:
		return "list"
	case bool:
		return "boolean"
	case string:
		return "string"
	}
	return "number"
}
