package render

import (
	"maps"
	"reflect"
	"strings"
	"text/template"
	"unicode/utf8"
)

// disguise is what task strings wear while they go through templates.
type disguise interface {
	apply(text string) string
	undo(text string) string
}

// disguised gives functions the strings that their effects say.
type disguised struct{ disguise }

// maskedFunctions are the functions for a rendering in disguise: each sees and answers what its effect says.
func maskedFunctions(d disguise, plain template.FuncMap) template.FuncMap {
	w := disguised{d}
	wrapped := maps.Clone(plain)
	for name, effect := range functions {
		function := plain[name]
		switch {
		case builtinFunctions[name]:
			wrapped[name] = w.aroundBuiltin(name)
		case effect == inspects:
			wrapped[name] = w.around(function, w.undoAll, nil)
		case effect == looksUp:
			wrapped[name] = w.around(function, w.undoKey, nil)
		case effect == converts:
			wrapped[name] = w.around(function, w.undoAll, w.applyAll)
		case effect == trims:
			wrapped[name] = w.aroundTrim(function)
		}
	}
	wrapped["printf"] = w.aroundPrintf(plain["printf"].(formatter))
	return wrapped
}

type formatter = func(format string, args ...any) (string, error)

// aroundPrintf puts disguised strings in where the format takes them as they are; other verbs see the real ones.
func (w disguised) aroundPrintf(printf formatter) formatter {
	return func(format string, args ...any) (string, error) {
		if takesAsIs(format) {
			return printf(format, args...)
		}
		isTask := false
		for i := range args {
			isTask = isTask || isTaskText(reflect.ValueOf(args[i]))
			args[i] = w.undoAny(args[i])
		}
		text, err := printf(format, args...)
		if isTask {
			text = w.apply(text)
		}
		return text, err
	}
}

// asIs are the verbs that put a string in as it is, and the percent sign.
var asIs = strings.NewReplacer("%s", "", "%v", "", "%d", "", "%%", "")

func takesAsIs(format string) bool { return !strings.Contains(asIs.Replace(format), "%") }

// aroundTrim lets the function trim the real text and cuts the disguised one, which has as many characters, in the same way.
func (w disguised) aroundTrim(function any) any {
	value := reflect.ValueOf(function)
	return reflect.MakeFunc(value.Type(), func(args []reflect.Value) []reflect.Value {
		last := len(args) - 1
		masked := args[last].String()
		if !mayBeDisguised(masked) {
			args[0] = w.undoAll(args[0])
			return value.Call(args)
		}
		for i, arg := range args {
			args[i] = w.undoAll(arg)
		}
		return []reflect.Value{reflect.ValueOf(w.trimAlike(masked, args[last].String(), value.Call(args)[0].String()))}
	}).Interface()
}

// trimAlike cuts off the masked text what was cut off the real one, of which only left is left.
func (w disguised) trimAlike(masked, real, left string) string {
	if left == "" {
		return w.apply("")
	}
	before, _, _ := strings.Cut(real, left)
	start := utf8.RuneCountInString(before)
	kept := string([]rune(masked)[start : start+utf8.RuneCountInString(left)])
	if kept == left {
		return w.apply(left) // all disguise was cut off, and what is left may be a number by itself
	}
	return kept
}

// around changes the arguments of a function before, and its first result after if a task's string was among the arguments.
func (w disguised) around(function any, before, after func(reflect.Value) reflect.Value) any {
	if pick, ok := function.(func(map[string]any, ...string) map[string]any); ok { // common, and slow by reflection
		return func(dict map[string]any, keys ...string) map[string]any {
			for i := range keys {
				keys[i] = w.undo(keys[i])
			}
			return pick(dict, keys...)
		}
	}
	value := reflect.ValueOf(function)
	return reflect.MakeFunc(value.Type(), func(args []reflect.Value) []reflect.Value {
		isTask := false
		for i, arg := range args {
			isTask = isTask || after != nil && isTaskText(arg)
			args[i] = before(arg)
		}
		results := call(value, args)
		if isTask {
			results[0] = after(results[0])
		}
		return results
	}).Interface()
}

func (w disguised) undoAll(value reflect.Value) reflect.Value {
	if !isTaskText(value) {
		return value
	}
	return mapStrings(value, w.undo)
}

func (w disguised) applyAll(value reflect.Value) reflect.Value { return mapStrings(value, w.apply) }

// undoAny is undoAll for what text/template's functions get.
func (w disguised) undoAny(value any) any {
	switch text := value.(type) {
	case nil, bool, int, int64, *int64:
		return value
	case string:
		if !mayBeDisguised(text) {
			return value
		}
		return w.undo(text)
	}
	return w.undoAll(reflect.ValueOf(value)).Interface()
}

// undoKey is undoAll for strings and lists of arguments; the maps and lists that are searched stay as they are.
func (w disguised) undoKey(value reflect.Value) reflect.Value {
	switch value.Kind() {
	case reflect.String:
		return w.undoAll(value)
	case reflect.Slice: // variadic arguments
		args := reflect.MakeSlice(value.Type(), value.Len(), value.Len())
		for i := range value.Len() {
			arg := value.Index(i)
			if arg.Kind() == reflect.String || arg.Kind() == reflect.Interface && arg.Elem().Kind() == reflect.String {
				arg = w.undoAll(arg)
			}
			args.Index(i).Set(arg)
		}
		return args
	}
	return value
}
