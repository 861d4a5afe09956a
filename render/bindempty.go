package render

import (
	"reflect"
	"slices"
	"text/template"
)

// An empty string of a task has no character to disguise, so a bound rendering cannot tell it from an author's. It may be bound and asked
// about, as it is then what it is. Where one is written, or made a part of another text, that text may be read as a null or a number, and
// the rendering is given up.

// mayBeEmpty tells whether an argument holds an empty string that may be the task's.
func (b *binding) mayBeEmpty(arg reflect.Value) bool { return b.empties && holdsEmpty(arg) }

// holdsEmpty tells whether an empty string is in the value.
func holdsEmpty(value reflect.Value) bool {
	switch value.Kind() {
	case reflect.String:
		return value.Len() == 0
	case reflect.Interface, reflect.Pointer:
		return !value.IsNil() && holdsEmpty(value.Elem())
	case reflect.Slice, reflect.Array:
		for i := range value.Len() {
			if holdsEmpty(value.Index(i)) {
				return true
			}
		}
	case reflect.Map:
		for items := value.MapRange(); items.Next(); {
			if holdsEmpty(items.Key()) || holdsEmpty(items.Value()) {
				return true
			}
		}
	}
	return false
}

// guardText lets the functions that put texts together, and are exact on disguised ones, give up at an empty one.
func (b *binding) guardText(bound template.FuncMap) {
	holdEmpty := func(args []any) bool {
		return b.empties && slices.ContainsFunc(args, func(arg any) bool { return holdsEmpty(reflect.ValueOf(arg)) })
	}
	printf := bound["printf"].(formatter)
	bound["printf"] = func(format string, args ...any) (string, error) {
		if holdEmpty(args) {
			return "", errUnbound
		}
		return printf(format, args...)
	}
	for _, name := range []string{"print", "cat"} {
		together := bound[name].(func(...any) string)
		bound[name] = func(args ...any) (string, error) {
			if holdEmpty(args) {
				return "", errUnbound
			}
			return together(args...), nil
		}
	}
}
