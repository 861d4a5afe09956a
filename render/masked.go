package render

import (
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"text/template"
	"unicode/utf8"
)

// maskedFunctions are the functions for the masked rendering: each sees and answers what its effect says.
func maskedFunctions(m mask, plain template.FuncMap) template.FuncMap {
	wrapped := maps.Clone(plain)
	for _, name := range []string{"eq", "ne", "lt", "le", "gt", "ge", "len", "index", "slice"} {
		wrapped[name] = builtin(name)
	}
	for name, function := range wrapped {
		switch functions[name] {
		case inspects, encodes:
			wrapped[name] = m.around(function, m.undoAll, nil)
		case looksUp:
			wrapped[name] = m.around(function, m.undoKey, nil)
		case converts:
			wrapped[name] = m.around(function, m.undoAll, m.applyAll)
		case trims:
			wrapped[name] = m.aroundTrim(function)
		}
	}
	return wrapped
}

// aroundTrim lets the function trim the real text and cuts the disguised one, which has as many characters, in the same way.
func (m mask) aroundTrim(function any) any {
	value := reflect.ValueOf(function)
	return reflect.MakeFunc(value.Type(), func(args []reflect.Value) []reflect.Value {
		last := len(args) - 1
		masked := []rune(args[last].String())
		for i, arg := range args {
			args[i] = mapStrings(arg, m.undo)
		}
		real := args[last].String()
		left := value.Call(args)[0].String()
		if left == "" {
			return []reflect.Value{reflect.ValueOf(m.apply(""))}
		}
		before, _, _ := strings.Cut(real, left)
		start := utf8.RuneCountInString(before)
		kept := string(masked[start : start+utf8.RuneCountInString(left)])
		if kept == left && slices.ContainsFunc(masked, m.isMasked) {
			kept = m.apply(left) // all disguise was cut off, and what is left may be a number by itself
		}
		return []reflect.Value{reflect.ValueOf(kept)}
	}).Interface()
}

// builtin makes text/template's own function of that name, which it does not export, callable.
func builtin(name string) func(args ...any) (any, error) {
	return func(args ...any) (result any, err error) {
		if result, ok := builtinQuickly(name, args); ok {
			return result, nil
		}
		call := builtinCall{args: args}
		if err := builtinTemplate(name, len(args)).Execute(io.Discard, &call); err != nil {
			return nil, err
		}
		return call.result, nil
	}
}

// builtinQuickly answers the two most common calls without a template.
func builtinQuickly(name string, args []any) (result any, ok bool) {
	if len(args) != 2 {
		return nil, false
	}
	key, isText := args[1].(string)
	switch first := args[0].(type) {
	case map[string]any:
		result, ok = first[key]
		return result, ok && isText && name == "index"
	case string:
		return (first == key) == (name == "eq"), isText && (name == "eq" || name == "ne")
	}
	return nil, false
}

// builtinCall is the data of a template that calls one function.
type builtinCall struct {
	args   []any
	result any
}

func (c *builtinCall) Arg(i int) any          { return c.args[i] }
func (c *builtinCall) Keep(result any) string { c.result = result; return "" }

var builtinTemplates sync.Map // of name and number of arguments to *template.Template

func builtinTemplate(name string, args int) *template.Template {
	text := "{{.Keep (" + name
	for i := range args {
		text += fmt.Sprintf(" (.Arg %d)", i)
	}
	text += ")}}"
	if parsed, ok := builtinTemplates.Load(text); ok {
		return parsed.(*template.Template)
	}
	parsed := template.Must(template.New(name).Parse(text))
	builtinTemplates.Store(text, parsed)
	return parsed
}

// around changes the arguments of a function before, and its first result after.
func (m mask) around(function any, before, after func(reflect.Value) reflect.Value) any {
	value := reflect.ValueOf(function)
	return reflect.MakeFunc(value.Type(), func(args []reflect.Value) []reflect.Value {
		for i, arg := range args {
			args[i] = before(arg)
		}
		results := call(value, args)
		if after != nil {
			results[0] = after(results[0])
		}
		return results
	}).Interface()
}

func (m mask) undoAll(value reflect.Value) reflect.Value  { return mapStrings(value, m.undo) }
func (m mask) applyAll(value reflect.Value) reflect.Value { return mapStrings(value, m.apply) }

// undoKey is undoAll for strings and lists of arguments; the maps and lists that are searched stay as they are.
func (m mask) undoKey(value reflect.Value) reflect.Value {
	switch value.Kind() {
	case reflect.String:
		return m.undoAll(value)
	case reflect.Slice: // variadic arguments
		args := reflect.MakeSlice(value.Type(), value.Len(), value.Len())
		for i := range value.Len() {
			arg := value.Index(i)
			if arg.Kind() == reflect.Interface && arg.Elem().Kind() == reflect.String {
				arg = m.undoAll(arg)
			}
			args.Index(i).Set(arg)
		}
		return args
	}
	return value
}

// mapStrings returns the value with every string in it changed; lists and maps are copied, everything else stays.
func mapStrings(value reflect.Value, change func(string) string) reflect.Value {
	switch value.Kind() {
	case reflect.String:
		return reflect.ValueOf(change(value.String())).Convert(value.Type())
	case reflect.Interface:
		if value.IsNil() {
			return value
		}
		changed := reflect.New(value.Type()).Elem()
		changed.Set(mapStrings(value.Elem(), change))
		return changed
	case reflect.Slice:
		changed := reflect.MakeSlice(value.Type(), value.Len(), value.Len())
		for i := range value.Len() {
			changed.Index(i).Set(mapStrings(value.Index(i), change))
		}
		return changed
	case reflect.Map:
		changed := reflect.MakeMapWithSize(value.Type(), value.Len())
		for items := value.MapRange(); items.Next(); {
			changed.SetMapIndex(mapStrings(items.Key(), change), mapStrings(items.Value(), change))
		}
		return changed
	}
	return value
}
