package render

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
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
func (s *Set) proveSafe(name string, data *Data, first rendering) error {
	found := data.found
	p := proof{set: s, name: name, data: data, mask: found.mask}
	if found.harmful {
		if d := p.compare(first, p.masked(nil)); d != nil {
			return p.blame(d)
		}
	}
	if found.empties || first.err != nil || hasNull(first.objects) {
		p.mask.empties = true
		if d := p.compareEmpties(first, p.masked(nil)); d != nil {
			return p.blame(d)
		}
	}
	return nil
}

// rendering is what a file rendered to.
type rendering struct {
	objects []map[string]any
	failed  error // the template did not execute
	err     error // the text is no YAML
}

// inspection is what the task's strings need.
type inspection struct {
	harmful, empties bool
	mask             mask
}

// inspect looks at all strings of a task once, for all its files. Text that is not valid UTF-8 is refused: encoders would
// replace what is wrong with it by U+FFFD without a word.
func inspect(data *Data) (found *inspection, err error) {
	found = &inspection{}
	texts := make([]string, 0, 32)
	data.untrusted(func(from field, text *string) {
		texts = append(texts, *text)
		found.harmful = found.harmful || !isHarmless(*text)
		found.empties = found.empties || *text == ""
		if !utf8.ValidString(*text) && err == nil {
			err = fmt.Errorf("%s: %q is not valid UTF-8", from, *text)
		}
	})
	if err == nil {
		found.mask, err = newMask(texts)
	}
	return found, err
}

func hasNull(value any) bool {
	switch value := value.(type) {
	case nil:
		return true
	case []map[string]any:
		return slices.ContainsFunc(value, func(item map[string]any) bool { return hasNull(item) })
	case []any:
		return slices.ContainsFunc(value, hasNull)
	case map[string]any:
		for _, item := range value {
			if hasNull(item) {
				return true
			}
		}
	}
	return false
}

// proof is the comparison of one file's renderings for one task.
type proof struct {
	set  *Set
	name string
	data *Data
	mask mask
}

// masked renders with the fields disguised that wanted accepts; nil accepts all.
func (p proof) masked(wanted func(from field) bool) rendering {
	text, err := p.set.execute(p.set.masked(p.mask), p.name, maskData(p.data, p.mask, wanted))
	if err != nil {
		return rendering{failed: err}
	}
	objects, err := decodeDocuments(text)
	return rendering{objects: objects, err: err}
}

func maskData(data *Data, m mask, wanted func(from field) bool) *Data {
	masked := data.clone()
	masked.untrusted(func(from field, text *string) {
		if wanted == nil || wanted(from) {
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

// compare returns nil if the masked rendering, undisguised, equals the real one, or fails in the same way.
func (p proof) compare(real, masked rendering) *difference {
	switch {
	case masked.failed != nil:
		return &difference{reason: fmt.Sprintf("the template takes another way for it (%v)", masked.failed)}
	case masked.err != nil && real.err != nil:
		return nil // the author's mistake, reported as such
	case real.err != nil:
		return &difference{reason: fmt.Sprintf("it breaks the YAML (%v)", real.err)}
	case masked.err != nil:
		return &difference{reason: fmt.Sprintf("the YAML is whole only by it (%v)", masked.err)}
	case len(real.objects) != len(masked.objects):
		return &difference{reason: fmt.Sprintf("it makes %d documents of %d", len(real.objects), len(masked.objects))}
	}
	for i := range real.objects {
		if d := p.mask.compare(real.objects[i], masked.objects[i]); d != nil {
			d.document = i
			return d
		}
	}
	return nil
}

// compareEmpties returns a difference only where an empty string became something else. A template may take another way
// for a string that is not empty, so any other difference says nothing.
func (p proof) compareEmpties(real, masked rendering) *difference {
	if masked.failed != nil || masked.err != nil {
		return nil
	}
	if real.err != nil {
		return &difference{reason: fmt.Sprintf("it is empty, which breaks the YAML (%v)", real.err)}
	}
	for i := range min(len(real.objects), len(masked.objects)) {
		if d := p.mask.compareEmpties(real.objects[i], masked.objects[i]); d != nil {
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
		if strings.ContainsRune(masked, m.base+empty) {
			return m.compareScalar(real, masked)
		}
	}
	return nil
}

func (d *difference) under(step any) *difference {
	d.path = append([]any{step}, d.path...)
	return d
}

// blame finds the field that makes the difference by itself: the one that does so while all others are disguised.
func (p proof) blame(reason *difference) error {
	blamed := field{name: "Task", index: -1}
	whole := p.masked(nil)
	tried := map[field]bool{blamed: true}
	p.data.untrusted(func(candidate field, text *string) {
		if blamed.name != "Task" || tried[candidate] || p.mask.apply(*text) == *text {
			return
		}
		tried[candidate] = true
		bare := p.masked(func(other field) bool { return other != candidate })
		for i := range bare.objects {
			bare.objects[i] = mapStrings(reflect.ValueOf(bare.objects[i]), p.mask.undo).Interface().(map[string]any)
		}
		d := p.compare(bare, whole)
		if p.mask.empties {
			d = p.compareEmpties(bare, whole)
		}
		if d != nil {
			blamed, reason = candidate, d
		}
	})
	return &InjectionError{Position: p.position(reason), Field: blamed.String(), Reason: reason.reason}
}

// position finds the place in the template through the masked rendering, whose structure is the author's.
func (p proof) position(d *difference) Position {
	data := maskData(p.data, p.mask, nil)
	text, err := p.set.execute(p.set.masked(p.mask), p.name, data)
	if err != nil {
		return Position{File: p.set.sources.files[p.name].String()}
	}
	return p.set.position(p.name, data, text, yamlLine(text, d.document, d.path), maskedFunctions(p.mask, libraryFunctions))
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
			if m.empties {
				i += len(planes)
			}
			return &s.disguised[i]
		}
	}
	panic("render: a disguise of no plane")
}
