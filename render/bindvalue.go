package render

import (
	"math"
	"reflect"
	"regexp"
	"strings"
	"unicode/utf8"
)

// plain copies a value to what decoding its JSON would give, the disguise undone. It is false for what it does not know, and for null.
func (b *binding) plain(value any) (any, bool) {
	b.budget -= 16
	switch value := value.(type) {
	case string:
		b.budget -= len(value)
		return b.undo(value), utf8.ValidString(value)
	case bool, int64:
		return value, true
	case int:
		return int64(value), true
	case *int64:
		if value == nil {
			return nil, false
		}
		return *value, true
	case float64:
		size := math.Abs(value)
		return value, value != math.Trunc(value) && size > 1e-6 && size < 1e15 // what JSON writes with digits and a point
	case []string:
		return plainList(b, value)
	case []any:
		return plainList(b, value)
	case map[string]string:
		return plainMap(b, value)
	case map[string]any:
		return plainMap(b, value)
	}
	return nil, false
}

func plainList[T any](b *binding, items []T) (any, bool) {
	list := make([]any, len(items))
	for i, item := range items {
		var ok bool
		if list[i], ok = b.plain(item); !ok || b.budget < 0 {
			return nil, false
		}
	}
	return list, items != nil
}

func plainMap[T any](b *binding, items map[string]T) (any, bool) {
	fields := make(map[string]any, len(items))
	for name, item := range items {
		value, ok := b.plain(item)
		if !ok || b.budget < 0 {
			return nil, false
		}
		b.budget -= len(name)
		fields[b.undo(name)] = value
	}
	return fields, items != nil
}

// planePattern finds characters of the first plane, as they are or as escapes.
var planePattern = regexp.MustCompile(`(?i)[\x{F0000}-\x{FFFFF}]|\\u000f|\\xf3|\\363`)

// usesPlane tells whether templates or values hold characters that would be taken for disguised ones. Then nothing is bound.
func usesPlane(files []file, values map[string]any) bool {
	for _, f := range files {
		// Such a character begins with the byte f3, and an escape with a backslash: looking for those is a hundred times faster.
		suspect := strings.IndexByte(f.text, '\\') >= 0 || strings.IndexByte(f.text, 0xf3) >= 0
		if suspect && planePattern.MatchString(f.text) {
			return true
		}
	}
	return isTaskText(reflect.ValueOf(values))
}
