package render

import (
	"reflect"
	"strings"
)

// isTaskText tells whether a string in the value may come from a task: disguised ones hold characters beyond the basic plane.
func isTaskText(value reflect.Value) bool {
	switch value.Kind() {
	case reflect.String:
		return mayBeDisguised(value.String())
	case reflect.Interface, reflect.Pointer:
		return !value.IsNil() && isTaskText(value.Elem())
	case reflect.Struct: // of Data: whole ones are rarely given to functions
		return true
	case reflect.Slice, reflect.Array:
		for i := range value.Len() {
			if isTaskText(value.Index(i)) {
				return true
			}
		}
	case reflect.Map:
		for items := value.MapRange(); items.Next(); {
			if isTaskText(items.Key()) || isTaskText(items.Value()) {
				return true
			}
		}
	}
	return false
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
			key := items.Key()
			if !isPiece(value.Type(), key) {
				key = mapStrings(key, change)
			}
			changed.SetMapIndex(key, mapStrings(items.Value(), change))
		}
		return changed
	}
	return value
}

// isPiece tells the names that `split` gives to its pieces, _0 and so on: they are its own, and mean nothing to YAML.
func isPiece(of reflect.Type, key reflect.Value) bool {
	number, ok := strings.CutPrefix(key.String(), "_")
	return ok && of.Elem().Kind() == reflect.String && strings.Trim(number, "0123456789") == ""
}
