package render

import (
	"fmt"
	"reflect"
	"sync"
)

// InjectionError says that a string of a task would have been read as YAML by a template that does not quote it.
type InjectionError struct {
	Position Position // in the templates
	Field    string   // of the task
	Reason   string
}

func (e *InjectionError) Error() string {
	return fmt.Sprintf("rendering template %s: %s would not arrive as it is: %s; pipe it through toJson in the template",
		e.Position, e.Field, e.Reason)
}

// proveSafe renders the file again with the task's strings disguised and compares. decodeErr is what parsing the first
// rendering gave: text that parses only disguised was broken by a task, text that parses in neither case by its author.
func (s *Set) proveSafe(name string, data *Data, objects []map[string]any, decodeErr error) error {
	var texts []string
	harmless := true
	data.clone().untrusted(func(_ string, text *string) {
		texts = append(texts, *text)
		harmless = harmless && isHarmless(*text)
	})
	if harmless {
		return nil
	}
	m, err := newMask(texts)
	if err != nil {
		return fmt.Errorf("rendering template %s: Task: %w", s.sources.files[name], err)
	}
	reason := s.compareMasked(name, m, maskData(data, m, ""), objects, decodeErr)
	if reason == nil {
		return nil
	}
	return s.blame(name, m, data, objects, decodeErr, reason)
}

// maskData disguises all task strings, or with a field only that field's.
func maskData(data *Data, m mask, only string) *Data {
	masked := data.clone()
	masked.untrusted(func(field string, text *string) {
		if only == "" || field == only {
			*text = m.apply(*text)
		}
	})
	return masked
}

// difference says where a masked rendering differs from the real one.
type difference struct {
	document int
	path     []any // map keys and list indexes
	reason   string
}

// compareMasked returns nil if the masked rendering, undisguised, equals the real one, or fails in the same way.
func (s *Set) compareMasked(name string, m mask, masked *Data, objects []map[string]any, decodeErr error) *difference {
	text, err := s.execute(s.masked(m), name, masked)
	if err != nil {
		return &difference{reason: fmt.Sprintf("the template takes another way for it (%v)", err)}
	}
	maskedObjects, err := decodeDocuments(text)
	switch {
	case err != nil && decodeErr != nil:
		return nil // the author's mistake: reported as such
	case decodeErr != nil:
		return &difference{reason: fmt.Sprintf("it breaks the YAML (%v)", decodeErr)}
	case err != nil:
		return &difference{reason: fmt.Sprintf("without it the YAML is broken (%v)", err)}
	case len(objects) != len(maskedObjects):
		return &difference{reason: fmt.Sprintf("it makes %d documents of %d", len(objects), len(maskedObjects))}
	}
	for i := range objects {
		if d := m.compare(objects[i], maskedObjects[i]); d != nil {
			d.document = i
			return d
		}
	}
	return nil
}

// compare walks both trees.
func (m mask) compare(real, masked any) *difference {
	switch real := real.(type) {
	case map[string]any:
		maskedMap, ok := masked.(map[string]any)
		if !ok || len(maskedMap) != len(real) {
			return &difference{reason: fmt.Sprintf("it changes the structure to %s", brief(real))}
		}
		for maskedKey, maskedItem := range maskedMap {
			key := m.undo(maskedKey)
			item, ok := real[key]
			if !ok {
				return &difference{reason: fmt.Sprintf("it changes the key %q", key)}
			}
			if d := m.compare(item, maskedItem); d != nil {
				return d.under(key)
			}
		}
		return nil
	case []any:
		maskedList, ok := masked.([]any)
		if !ok || len(maskedList) != len(real) {
			return &difference{reason: fmt.Sprintf("it changes the structure to %s", brief(real))}
		}
		for i := range real {
			if d := m.compare(real[i], maskedList[i]); d != nil {
				return d.under(i)
			}
		}
		return nil
	}
	return m.compareScalar(real, masked)
}

func (m mask) compareScalar(real, masked any) *difference {
	text, isText := masked.(string)
	if !isText {
		if !reflect.DeepEqual(real, masked) {
			return &difference{reason: fmt.Sprintf("it turns %s into %s", brief(masked), brief(real))}
		}
		return nil
	}
	text = m.undo(text)
	if got, ok := real.(string); !ok || got != text {
		return &difference{reason: fmt.Sprintf("%s would become the %s %s", brief(text), kindName(real), brief(real))}
	}
	return nil
}

func (d *difference) under(step any) *difference {
	d.path = append([]any{step}, d.path...)
	return d
}

// blame finds the one field whose disguise alone makes the difference.
func (s *Set) blame(name string, m mask, data *Data, objects []map[string]any, decodeErr error, reason *difference) error {
	field := "Task"
	seen := map[string]bool{}
	data.clone().untrusted(func(candidate string, text *string) {
		if field != "Task" || seen[candidate] || isHarmless(*text) {
			return
		}
		seen[candidate] = true
		if d := s.compareMasked(name, m, maskData(data, m, candidate), objects, decodeErr); d != nil {
			field, reason = candidate, d
		}
	})
	return &InjectionError{
		Position: s.positionMasked(name, m, data, reason),
		Field:    field,
		Reason:   reason.reason,
	}
}

// positionMasked finds the place in the template through the masked rendering, whose structure is the author's.
func (s *Set) positionMasked(name string, m mask, data *Data, d *difference) Position {
	masked := maskData(data, m, "")
	text, err := s.execute(s.masked(m), name, masked)
	if err != nil {
		return Position{File: s.sources.files[name].String()}
	}
	return s.position(name, masked, text, yamlLine(text, d.document, d.path))
}

// brief quotes a value for an error, cut to a readable length.
func brief(value any) string {
	text := fmt.Sprintf("%q", fmt.Sprint(value))
	if runes := []rune(text); len(runes) > 60 {
		return string(runes[:56]) + `..."`
	}
	return text
}

// masked returns the pool of engines for this disguise.
func (s *Set) masked(m mask) *sync.Pool {
	for i, base := range planes {
		if base == m.base {
			return &s.disguised[i]
		}
	}
	panic("render: a disguise of no plane")
}
