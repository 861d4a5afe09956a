package render

import (
	"fmt"
	"reflect"
)

// capped wraps a function so that neither what it is given, taken together, nor the string it makes exceeds maxOutputBytes.
// Without it a few turns of a loop that doubles a string, a list or a map of maps would take all memory.
func capped(function any) any {
	value := reflect.ValueOf(function)
	kind := value.Type()
	if !makesMore(kind) {
		return function
	}
	return reflect.MakeFunc(kind, func(args []reflect.Value) []reflect.Value {
		budget := 2 * maxOutputBytes
		for _, arg := range args {
			budget = spend(arg, budget)
		}
		if budget < 0 {
			panic(errTooMuch)
		}
		results := call(value, args)
		if result := results[0]; result.Kind() == reflect.String && result.Len() > 2*maxOutputBytes {
			panic(tooLong(result.Len()))
		}
		return results
	}).Interface()
}

var errTooMuch = costError(fmt.Sprintf("the arguments hold more than the %d bytes that are allowed", 2*maxOutputBytes))

// makesMore tells functions whose result may hold more than their arguments: those that answer with a string, a list or a map.
func makesMore(kind reflect.Type) bool {
	switch kind.Out(0).Kind() {
	case reflect.String, reflect.Slice, reflect.Map, reflect.Interface:
		return kind.NumIn() > 0
	}
	return false
}

func call(function reflect.Value, args []reflect.Value) []reflect.Value {
	if function.Type().IsVariadic() {
		return function.CallSlice(args)
	}
	return function.Call(args)
}

// spend takes the size of a value, a byte for each character and sixteen for each item, off the budget. It stops when
// nothing is left, so that a small tree of shared maps which would unfold to a huge one costs no more than the budget.
func spend(value reflect.Value, budget int) int {
	budget -= 16
	switch value.Kind() {
	case reflect.String:
		return budget - value.Len()
	case reflect.Interface:
		if !value.IsNil() {
			return spend(value.Elem(), budget)
		}
	case reflect.Slice, reflect.Array:
		for i := 0; i < value.Len() && budget >= 0; i++ {
			budget = spend(value.Index(i), budget)
		}
	case reflect.Map:
		for items := value.MapRange(); budget >= 0 && items.Next(); {
			budget = spend(items.Value(), spend(items.Key(), budget))
		}
	}
	return budget
}
