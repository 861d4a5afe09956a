package render

import (
	"fmt"
	"slices"
	"strings"
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

// blame finds the field that makes a difference by itself, while all others hold a harmless word.
func (p proof) blame(d *difference) error {
	var candidates []field
	p.data.untrusted(func(from field, text *string) {
		if p.mask.apply(*text) != *text && !slices.ContainsFunc(candidates, from.is) {
			candidates = append(candidates, from)
		}
	})
	nobody := field{name: "", index: -1}
	if p.alone(nobody).difference() != nil {
		candidates = nil // even a harmless word makes it
	}
	for _, candidate := range candidates {
		alone := p.alone(candidate)
		if found := alone.difference(); found != nil {
			return &InjectionError{Position: alone.position(found, candidate), Field: candidate.String(), Reason: found.because(candidate)}
		}
	}
	whole := field{name: wholeField, index: -1} // no field does it by itself
	return &InjectionError{Position: p.position(d, whole), Field: whole.String(), Reason: d.because(whole)}
}

// alone is the proof for a task of which only this field holds what it does, and all others a harmless word.
func (p proof) alone(candidate field) proof {
	p.data = p.data.clone()
	p.data.untrusted(func(from field, text *string) {
		if !from.is(candidate) && (*text != "" || p.mask.empties) {
			*text = "x"
		}
	})
	return p
}

// difference renders both ways and compares.
func (p proof) difference() *difference {
	text, err := p.set.execute(&p.set.plain, p.name, p.data)
	if err != nil {
		return nil
	}
	var real rendering
	if real.objects, real.err = decodeDocuments(text); p.mask.empties {
		return p.compareEmpties(real, p.masked())
	}
	return p.compare(real, p.masked())
}

// position finds the place in the template, through the masked rendering, whose structure is the author's.
func (p proof) position(d *difference, blamed field) Position {
	text, err := p.set.execute(p.set.masked(p.mask), p.name, maskData(p.data, p.mask))
	if err != nil {
		return Position{File: p.set.sources.files[p.name].String()}
	}
	line := 0
	if d.torn {
		line = p.unquoted(blamed)
	}
	if line == 0 {
		line = max(1, yamlLine(text, d.document, d.path))
	}
	return p.set.position(p.name, maskData(p.data, p.mask), text, line, maskedFunctions(p.mask, libraryFunctions))
}

// quoting is a character that whatever quotes a string escapes, and nothing else does.
const quoting = "\ufffe"

// unquoted returns the first line of the masked rendering that the field stands on without quotes, else the first that it stands on at
// all, else 0.
func (p proof) unquoted(blamed field) int {
	data := maskData(p.data, p.mask)
	data.untrusted(func(from field, text *string) {
		if from.is(blamed) {
			*text = quoting + *text
		}
	})
	text, err := p.set.execute(p.set.masked(p.mask), p.name, data)
	if err != nil {
		return 0
	}
	for _, sign := range []string{quoting, p.mask.apply(quoting)} {
		if before, _, found := strings.Cut(text, sign); found {
			return 1 + strings.Count(before, "\n")
		}
	}
	return 0
}
