package render

import (
	"fmt"
	"io"
	"sync"
	"text/template"
)

// builtinFunctions are text/template's own that look at strings.
var builtinFunctions = map[string]bool{"eq": true, "ne": true, "lt": true, "le": true, "gt": true, "ge": true, "len": true, "index": true, "slice": true}

// aroundBuiltin does for text/template's own functions what around does for others.
func (w disguised) aroundBuiltin(name string) func(args ...any) (any, error) {
	call := builtin(name)
	return func(args ...any) (any, error) {
		isTask := false
		for i, arg := range args {
			if text, isText := arg.(string); isText || functions[name] != looksUp {
				isTask = isTask || mayBeDisguised(text)
				args[i] = w.undoAny(arg)
			}
		}
		result, err := call(args...)
		if text, isText := result.(string); isText && isTask && functions[name] == converts {
			result = w.apply(text)
		}
		return result, err
	}
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

// builtinQuickly answers the most common calls without a template.
func builtinQuickly(name string, args []any) (result any, ok bool) {
	if len(args) != 2 {
		return nil, false
	}
	text, isText := args[1].(string)
	switch first := args[0].(type) {
	case map[string]any:
		return first[text], isText && name == "index"
	case string:
		return (first == text) == (name == "eq"), isText && (name == "eq" || name == "ne")
	case int:
		second, isInt := args[1].(int)
		switch name {
		case "gt":
			return first > second, isInt
		case "lt":
			return first < second, isInt
		}
	case *int64:
		return (first == nil) == (name == "eq"), args[1] == nil && (name == "eq" || name == "ne")
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
