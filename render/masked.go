package render

import (
	"maps"
	"reflect"
	"strings"
	"text/template"
	"unicode/utf8"
)

// maskedFunctions are the functions for the masked rendering: each sees and answers what its effect says.
func maskedFunctions(m mask, plain template.FuncMap) template.FuncMap {
	wrapped := maps.Clone(plain)
	for _, name := range []string{"eq", "ne", "lt", "le", "gt", "ge", "len", "index", "slice", "html", "js", "urlquery"} {
		wrapped[name] = builtin(name)
	}
	for name, function := range wrapped {
		switch functions[name] {
		case inspects, encodes:
			wrapped[name] = m.around(function, false)
		case converts:
			wrapped[name] = m.around(function, true)
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
		start := utf8.RuneCountInString(real[:strings.Index(real, left)])
		return []reflect.Value{reflect.ValueOf(string(masked[start : start+utf8.RuneCountInString(left)]))}
	}).Interface()
}

// builtin makes text/template's own function of that name, which it does not export, callable.
func builtin(name string) func(args ...any) (any, error) {
	return func(args ...any) (result any, err error) {
		call := template.Must(template.New(name).Funcs(template.FuncMap{
			"args": func(i int) any { return args[i] },
			"keep": func(value any) string { result = value; return "" },
		}).Parse("{{keep (" + name + argumentList(len(args)) + ")}}"))
		err = call.Execute(discard{}, nil)
		return result, err
	}
}

func argumentList(count int) string {
	list := make([]byte, 0, 9*count)
	for i := range count {
		list = append(list, " (args "...)
		list = append(list, byte('0'+i)) // no template passes ten arguments to a comparison or an index
		list = append(list, ')')
	}
	return string(list)
}

type discard struct{}

func (discard) Write(piece []byte) (int, error) { return len(piece), nil }

// around gives a function the real strings; again says that its result is disguised like the task's own strings.
func (m mask) around(function any, again bool) any {
	value := reflect.ValueOf(function)
	return reflect.MakeFunc(value.Type(), func(args []reflect.Value) []reflect.Value {
		for i, arg := range args {
			args[i] = mapStrings(arg, m.undo)
		}
		results := call(value, args)
		if again {
			results[0] = mapStrings(results[0], m.apply)
		}
		return results
	}).Interface()
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
