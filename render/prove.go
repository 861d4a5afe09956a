package render

import (
	"fmt"
	"sync"
	"unicode/utf8"
)

// proveSafe renders the file again with the task's strings disguised and compares, and once more with empty strings disguised too,
// which a function may also make of others.
func (s *Set) proveSafe(name string, data *Data, first rendering) error {
	p := proof{set: s, name: name, data: data, mask: data.found.mask}
	if d := p.compare(first, p.masked()); d != nil {
		return p.blame(d)
	}
	p.mask.empties = true
	if d := p.compareEmpties(first, p.masked()); d != nil {
		return p.blame(d)
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
	empties bool // there are empty ones
	mask    mask
}

// inspect looks at all strings of a task once, for all its files. Text that is not valid UTF-8 is refused: encoders would
// replace what is wrong with it by U+FFFD without a word.
func inspect(data *Data) (found *inspection, err error) {
	found = &inspection{}
	texts := make([]string, 0, 32)
	data.untrusted(func(from field, text *string) {
		texts = append(texts, *text)
		found.empties = found.empties || *text == ""
		if !utf8.ValidString(*text) && err == nil {
			err = fmt.Errorf("%s is not valid UTF-8", from)
		}
	})
	if err == nil {
		found.mask, err = newMask(texts)
	}
	return found, err
}

// proof is the comparison of one file's renderings for one task.
type proof struct {
	set  *Set
	name string
	data *Data
	mask mask
}

// masked renders with the task's strings disguised.
func (p proof) masked() rendering {
	text, err := p.set.execute(p.set.masked(p.mask), p.name, maskData(p.data, p.mask))
	if err != nil {
		return rendering{failed: err}
	}
	objects, err := decodeDocuments(text)
	return rendering{objects: objects, err: err}
}

func maskData(data *Data, m mask) *Data {
	masked := data.clone()
	masked.untrusted(func(_ field, text *string) { *text = m.apply(*text) })
	return masked
}

// compare returns nil if the masked rendering, undisguised, equals the real one, or fails in the same way.
func (p proof) compare(real, masked rendering) *difference {
	switch {
	case masked.failed != nil:
		return &difference{reason: fmt.Sprintf("the template takes another way for it (%v)", masked.failed), outline: "the template takes another way for it"}
	case masked.err != nil && real.err != nil:
		return nil // the author's mistake, reported as such
	case real.err != nil:
		return &difference{reason: fmt.Sprintf("it breaks the YAML (%s)", reasonOf(real.err)), outline: "it breaks the YAML", torn: true}
	case masked.err != nil:
		return &difference{reason: fmt.Sprintf("the YAML is whole only by it (%s)", reasonOf(masked.err)), outline: "the YAML is whole only by it"}
	case len(real.objects) != len(masked.objects):
		return &difference{reason: fmt.Sprintf("it makes %d documents of %d", len(real.objects), len(masked.objects)), torn: true}
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
		return &difference{reason: fmt.Sprintf("it is empty, which breaks the YAML (%s)", reasonOf(real.err)), torn: true}
	}
	for i := range min(len(real.objects), len(masked.objects)) {
		if d := p.mask.compareEmpties(real.objects[i], masked.objects[i]); d != nil {
			d.document = i
			return d
		}
	}
	return nil
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
