package render

import (
	"cmp"
	"fmt"
	"reflect"
	"strings"
)

// difference says where a masked rendering differs from the real one.
type difference struct {
	document int
	path     []any  // map keys and list indexes
	reason   string // in words, which may quote the task
	outline  string // reason for fields that may be secrets; "" if it quotes nothing
	torn     bool   // the YAML is broken or of another structure, so that the path says little
}

// because is the reason for an error about the field. It quotes nothing of an env variable, which may be a secret.
func (d *difference) because(blamed field) string {
	if blamed.name == envField || blamed.name == wholeField {
		return cmp.Or(d.outline, d.reason)
	}
	return d.reason
}

// compare walks both trees.
func (m mask) compare(real, masked any) *difference {
	switch real := real.(type) {
	case map[string]any:
		maskedMap, ok := masked.(map[string]any)
		if !ok || len(maskedMap) != len(real) {
			return restructured(real)
		}
		for maskedKey, maskedItem := range maskedMap {
			key := m.undo(maskedKey)
			item, ok := real[key]
			if !ok {
				return &difference{reason: fmt.Sprintf("it changes the key %q", key), outline: "it changes a key"}
			}
			if d := m.compare(item, maskedItem); d != nil {
				return d.under(key)
			}
		}
		return nil
	case []any:
		maskedList, ok := masked.([]any)
		if !ok || len(maskedList) != len(real) {
			return restructured(real)
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

func restructured(real any) *difference {
	const outline = "it changes the structure"
	return &difference{reason: outline + " to " + brief(real), outline: outline, torn: true}
}

func (m mask) compareScalar(real, masked any) *difference {
	text, isText := masked.(string)
	if !isText {
		if !reflect.DeepEqual(real, masked) {
			return &difference{reason: fmt.Sprintf("it turns %s into %s", brief(masked), brief(real)), outline: "it changes another value"}
		}
		return nil
	}
	text = m.undo(text)
	if got, ok := real.(string); !ok || got != text {
		return &difference{
			reason:  fmt.Sprintf("%s would become the %s %s", brief(text), kindName(real), brief(real)),
			outline: "YAML would read something else, of the type " + kindName(real),
		}
	}
	return nil
}

func (m mask) compareEmpties(real, masked any) *difference {
	switch masked := masked.(type) {
	case map[string]any:
		fields, _ := real.(map[string]any)
		for name, item := range masked {
			if field, ok := fields[name]; ok {
				if d := m.compareEmpties(field, item); d != nil {
					return d.under(name)
				}
			}
		}
	case []any:
		items, _ := real.([]any)
		for i := range masked {
			if len(items) != len(masked) {
				if masked[i] == string(m.base+empty) {
					return (&difference{reason: "it is empty, and would vanish from the list"}).under(i)
				}
			} else if d := m.compareEmpties(items[i], masked[i]); d != nil {
				return d.under(i)
			}
		}
	case string:
		switch {
		case masked == string(m.base+empty) && real != nil:
			return nil // the template has a default for an empty string
		case strings.ContainsRune(masked, m.base+empty):
			return m.compareScalar(real, masked)
		}
	}
	return nil
}

func (d *difference) under(step any) *difference {
	d.path = append([]any{step}, d.path...)
	return d
}

// brief quotes a value for an error, cut to a readable length.
func brief(value any) string {
	text := fmt.Sprintf("%q", fmt.Sprint(value))
	if runes := []rune(text); len(runes) > 60 {
		return string(runes[:56]) + `..."`
	}
	return text
}
