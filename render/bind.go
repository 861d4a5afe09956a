package render

import (
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"text/template"
	"unicode"
	"unicode/utf8"
)

// A bound rendering is to YAML what a prepared statement is to SQL. The task's strings go through the template in disguise, and toJson
// does not write a value but a placeholder, one private-use character, for which the value is put in after the text was parsed. No
// character of a task ever meets the YAML parser as more than a letter, so the structure is the author's, and the values arrive whole.
//
// Most templates quote with toJson and do little else, and then a task needs one rendering and no proof. Wherever that is not certain to
// give what plain rendering would (a placeholder inside of quotes, a function that looks at one, YAML that is not simple), the bound
// rendering is given up, and the file is rendered plainly and proven (prove.go). So this may be narrow, but never wrong.
type binding struct {
	mask
	values  []any // by placeholder
	budget  int   // for the size of the values
	empties bool  // the task has empty strings, or a function has made one: they wear no disguise
}

// maxPlaceholders is how many values a rendering may bind.
const maxPlaceholders = lastPlaceholder - firstPlaceholder + 1

// errUnbound gives a bound rendering up.
var errUnbound = errors.New("a bound rendering cannot do this")

func newBinding() *binding { return &binding{mask: mask{base: planes[0]}} }

// reset forgets the last rendering and begins one for a task that has empty strings, or none.
func (b *binding) reset(empties bool) {
	clear(b.values)
	b.values, b.budget, b.empties = b.values[:0], maxOutputBytes, empties
}

func (b *binding) isPlaceholder(r rune) bool {
	return r >= b.base+firstPlaceholder && r <= b.base+lastPlaceholder
}

// undo gives up at a placeholder: the value behind it is no text yet.
func (b *binding) undo(text string) string {
	if mayBeDisguised(text) && strings.IndexFunc(text, b.isPlaceholder) >= 0 {
		panic(errUnbound)
	}
	return b.mask.undo(text)
}

// apply disguises what a function has made of a task's string. It gives up at one that was cut in the midst of a character, and remembers
// that one was cut down to nothing.
func (b *binding) apply(text string) string {
	b.empties = b.empties || text == ""
	if !utf8.ValidString(text) {
		panic(errUnbound)
	}
	return b.mask.apply(text)
}

// functions are those of a bound rendering.
func (b *binding) functions() template.FuncMap {
	plain := maps.Clone(libraryFunctions)
	for name, function := range plain {
		if functions[name] == converts {
			plain[name] = b.checked(function)
		}
	}
	bound := maskedFunctions(b, plain)
	for name, function := range bound {
		if functions[name] == builds {
			bound[name] = b.guarded(function)
		}
	}
	bound["toJson"] = b.bind
	bound["quote"] = b.quote(libraryFunctions["quote"].(func(...any) string))
	for _, name := range []string{"indent", "nindent"} {
		bound[name] = b.indent(libraryFunctions[name].(func(int, string) (string, error)))
	}
	bound["trim"] = b.trim
	b.guardText(bound)
	return bound
}

// checked gives up when a function makes a character, of an escape say, that would be taken for a disguised one, or cuts one in pieces, or
// makes a text of an empty string.
func (b *binding) checked(function any) any {
	value := reflect.ValueOf(function)
	return reflect.MakeFunc(value.Type(), func(args []reflect.Value) []reflect.Value {
		mayBeEmpty := slices.ContainsFunc(args, b.mayBeEmpty)
		results := call(value, args)
		text := results[0].Kind() == reflect.String
		if isTaskText(results[0]) || text && (!utf8.ValidString(results[0].String()) || mayBeEmpty && results[0].Len() > 0) {
			panic(errUnbound)
		}
		return results
	}).Interface()
}

// guarded gives up when a function that is not known to be exact gets a task's string.
func (b *binding) guarded(function any) any {
	value := reflect.ValueOf(function)
	return reflect.MakeFunc(value.Type(), func(args []reflect.Value) []reflect.Value {
		for _, arg := range args {
			if isTaskText(arg) || b.mayBeEmpty(arg) {
				panic(errUnbound)
			}
		}
		return call(value, args)
	}).Interface()
}

// bind returns a placeholder for the value.
func (b *binding) bind(value any) (string, error) {
	bound, ok := b.plain(value)
	if !ok || len(b.values) == maxPlaceholders || b.budget < 0 {
		return "", errUnbound
	}
	b.values = append(b.values, bound)
	return string(b.base + firstPlaceholder + rune(len(b.values)-1)), nil
}

// unbound marks a value that has been put in: a second use would share its maps.
type unbound struct{}

// take returns the value behind a placeholder, once.
func (b *binding) take(placeholder rune) (any, bool) {
	i := int(placeholder - b.base - firstPlaceholder)
	if i >= len(b.values) {
		return nil, false
	}
	value := b.values[i]
	b.values[i] = unbound{}
	_, used := value.(unbound)
	return value, !used
}

// quote binds a single string, as toJson would.
func (b *binding) quote(plain func(...any) string) func(...any) (string, error) {
	return func(args ...any) (string, error) {
		if len(args) == 1 {
			if text, ok := args[0].(string); ok {
				return b.bind(text)
			}
		}
		for _, arg := range args {
			if value := reflect.ValueOf(arg); isTaskText(value) || b.mayBeEmpty(value) {
				return "", errUnbound
			}
		}
		return plain(args...), nil
	}
}

// indent gives up at a disguised line break, after which plain text would be indented too, and at an empty text, which would be text then.
func (b *binding) indent(plain func(int, string) (string, error)) any {
	return func(spaces int, text string) (string, error) {
		if mayBeDisguised(text) && strings.ContainsRune(text, b.base+'\n') || text == "" && b.empties {
			return "", errUnbound
		}
		return plain(spaces, text)
	}
}

// trim gives up at a disguised space at an end, which would be trimmed off plain text.
func (b *binding) trim(text string) (string, error) {
	trimmed := strings.TrimSpace(text)
	first, _ := utf8.DecodeRuneInString(trimmed)
	last, _ := utf8.DecodeLastRuneInString(trimmed)
	if unicode.IsSpace(first-b.base) || unicode.IsSpace(last-b.base) {
		return "", errUnbound
	}
	return trimmed, nil
}
