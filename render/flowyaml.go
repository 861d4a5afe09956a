package render

import (
	"strings"
	"unicode/utf8"
)

// flowYAML reads one value from the beginning of a line: a placeholder, a scalar, or a list or map in flow style.
type flowYAML struct {
	*binding
	rest  string
	block bool // not inside of brackets: a plain scalar goes on to the end of the line
}

func (f *flowYAML) value() (any, bool) {
	if f.rest == "" {
		return nil, false
	}
	switch f.rest[0] {
	case '"':
		return f.quoted(`"`, `"\`)
	case '\'':
		return f.quoted(`'`, `'`)
	case '[':
		return f.list()
	case '{':
		return f.fields()
	}
	if first, size := utf8.DecodeRuneInString(f.rest); f.isPlaceholder(first) {
		f.rest = f.rest[size:]
		return f.take(first)
	}
	return f.plainScalar()
}

// quoted reads a quoted scalar, of which the text without disguise must hold none of the special characters either.
func (f *flowYAML) quoted(quote, special string) (any, bool) {
	content, rest, closed := strings.Cut(f.rest[1:], quote)
	if !closed || strings.IndexFunc(content, f.isPlaceholder) >= 0 {
		return nil, false
	}
	real := f.mask.undo(content)
	if strings.ContainsAny(real, special) || real != content && !f.isHarmless(real) {
		return nil, false
	}
	f.rest = rest
	return real, true
}

// isHarmless accepts what lines accepts of plain text, line breaks excepted.
func (f *flowYAML) isHarmless(text string) bool {
	_, ok := f.lines(text)
	return ok && !strings.Contains(text, "\n")
}

func (f *flowYAML) plainScalar() (any, bool) {
	end := len(f.rest)
	if f.block {
		if comment := strings.Index(f.rest, " #"); comment >= 0 {
			end = comment
		}
	} else if stop := strings.IndexAny(f.rest, ",]}[{:"); stop >= 0 {
		end = stop
	}
	text := strings.TrimRight(f.rest[:end], " ")
	f.rest = f.rest[len(text):]
	return f.scalar(text)
}

// open steps over an opening bracket; closed steps over a closing one.
func (f *flowYAML) open() { f.rest, f.block = strings.TrimLeft(f.rest[1:], " "), false }

func (f *flowYAML) closed(bracket string, outer bool) bool {
	if !strings.HasPrefix(f.rest, bracket) {
		return false
	}
	f.rest, f.block = f.rest[1:], outer
	return true
}

// comma steps over what separates items; a closing bracket stays.
func (f *flowYAML) comma(bracket string) bool {
	f.rest = strings.TrimLeft(f.rest, " ")
	if strings.HasPrefix(f.rest, bracket) {
		return true
	}
	after, ok := strings.CutPrefix(f.rest, ",")
	f.rest = strings.TrimLeft(after, " ")
	return ok && !strings.HasPrefix(f.rest, bracket)
}

func (f *flowYAML) list() (any, bool) {
	outer := f.block
	f.open()
	items := make([]any, 0, 4)
	for !f.closed("]", outer) {
		item, ok := f.value()
		if !ok || !f.comma("]") {
			return nil, false
		}
		items = append(items, item)
	}
	return items, true
}

func (f *flowYAML) fields() (any, bool) {
	outer := f.block
	f.open()
	fields := make(map[string]any, 4)
	for !f.closed("}", outer) {
		name, rest, ok := cutKey(f.rest)
		if _, twice := fields[name]; twice || !ok {
			return nil, false
		}
		f.rest = rest
		value, ok := f.value()
		if !ok || !f.comma("}") {
			return nil, false
		}
		fields[name] = value
	}
	return fields, true
}
