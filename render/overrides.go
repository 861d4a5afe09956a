package render

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"text/template"

	"dario.cat/mergo"
	"github.com/Masterminds/sprig/v3"
	"sigs.k8s.io/yaml"
)

// overrides are functions of ours, and sprig's that could eat all memory, depend on a map's order, change their arguments,
// or turn an error into an empty string.
var overrides = template.FuncMap{
	"toJson":   func(value any) (string, error) { raw, err := JSON(value); return string(raw), err },
	"toYaml":   toYAML,
	"fromYaml": fromYAML,
	"required": required,

	"repeat":    repeat,
	"indent":    indent,
	"nindent":   func(spaces int, text string) (string, error) { s, err := indent(spaces, text); return "\n" + s, err },
	"replace":   replace,
	"print":     fmt.Sprint,
	"printf":    printf,
	"println":   fmt.Sprintln,
	"html":      template.HTMLEscaper,
	"js":        template.JSEscaper,
	"urlquery":  template.URLQueryEscaper,
	"join":      join,
	"until":     func(count int) ([]int, error) { return untilStep(0, count, 1) },
	"untilStep": untilStep,

	"regexReplaceAll":        replacePattern("regexReplaceAll"),
	"regexReplaceAllLiteral": replacePattern("regexReplaceAllLiteral"),

	"keys":           keys,
	"values":         values,
	"merge":          func(maps ...map[string]any) (map[string]any, error) { return merge(maps) },
	"mergeOverwrite": func(maps ...map[string]any) (map[string]any, error) { return merge(maps, mergo.WithOverride) },
}

func toYAML(value any) (string, error) {
	raw, err := yaml.Marshal(value)
	return strings.TrimSuffix(string(raw), "\n"), err
}

func fromYAML(text string) (map[string]any, error) {
	documents, err := decodeDocuments(text)
	if err != nil || len(documents) == 0 {
		return map[string]any{}, err
	}
	if len(documents) > 1 {
		return nil, fmt.Errorf("%d documents; fromYaml takes one", len(documents))
	}
	return documents[0], nil
}

// required fails with the message if the value is missing: nil or an empty string.
func required(message string, value any) (any, error) {
	if value == nil || value == "" {
		return nil, fmt.Errorf("%s", message)
	}
	return value, nil
}

func repeat(count int, text string) (string, error) {
	if count < 0 {
		return "", fmt.Errorf("repeating %d times", count)
	}
	if len(text) > 0 && count > maxOutputBytes/len(text) {
		return "", fmt.Errorf("repeating %d bytes %d times: %w", len(text), count, tooLong(maxOutputBytes+1))
	}
	return strings.Repeat(text, count), nil
}

func indent(spaces int, text string) (string, error) {
	lines := strings.Count(text, "\n") + 1
	if spaces < 0 || spaces > maxOutputBytes/lines {
		return "", fmt.Errorf("indenting %d lines by %d spaces is out of range", lines, spaces)
	}
	pad := strings.Repeat(" ", spaces)
	return pad + strings.ReplaceAll(text, "\n", "\n"+pad), nil
}

func replace(old, new, text string) (string, error) {
	if length := len(text) + strings.Count(text, old)*len(new); length > 2*maxOutputBytes {
		return "", tooLong(length)
	}
	return strings.ReplaceAll(text, old, new), nil
}

var charVerb = regexp.MustCompile(`%[-+# 0-9.\[\]]*c`)

// printf refuses widths and precisions that only serve to fill memory, and characters made of numbers, which nobody needs and which
// could be taken for disguised ones (mask.go).
func printf(format string, args ...any) (string, error) {
	if charVerb.MatchString(format) {
		return "", fmt.Errorf("printf %q: the verb %%c is not allowed", format)
	}
	digits := 0
	for _, c := range format {
		if c == '*' {
			return "", fmt.Errorf("printf %q: a width taken from an argument is not allowed", format)
		}
		if digits++; c < '0' || c > '9' {
			digits = 0
		}
		if digits > 4 {
			return "", fmt.Errorf("printf %q: a number of more than 4 digits is not allowed in a format", format)
		}
	}
	return fmt.Sprintf(format, args...), nil
}

func join(separator string, list any) (string, error) {
	items := sprig.HermeticTxtFuncMap()["toStrings"].(func(any) []string)(list)
	if length := len(items) * len(separator); length > maxOutputBytes {
		return "", tooLong(length)
	}
	return strings.Join(items, separator), nil
}

// replacePattern is sprig's must-variant of the function, refused where the replacement could make the text explode.
func replacePattern(name string) func(pattern, text, replacement string) (string, error) {
	must := "mustR" + strings.TrimPrefix(name, "r")
	replaceAll := sprig.HermeticTxtFuncMap()[must].(func(string, string, string) (string, error))
	return func(pattern, text, replacement string) (string, error) {
		if length := (len(text) + 1) * (len(replacement) + 1); length > 4*maxOutputBytes {
			return "", tooLong(length)
		}
		return replaceAll(pattern, text, replacement)
	}
}

func untilStep(start, stop, step int) ([]int, error) {
	var list []int
	for i := start; (step >= 0 && i < stop) || (step < 0 && i > stop); i += step {
		if list = append(list, i); len(list) > maxListItems { // counted, as the difference of two numbers may overflow
			return nil, costError(fmt.Sprintf("counting from %d to %d in steps of %d makes more than the %d items that are allowed", start, stop, step, maxListItems))
		}
	}
	return list, nil
}

func keys(dicts ...map[string]any) []string {
	var names []string
	for _, dict := range dicts {
		names = append(names, slices.Sorted(maps.Keys(dict))...)
	}
	return names
}

func values(dict map[string]any) []any {
	list := make([]any, 0, len(dict))
	for _, name := range slices.Sorted(maps.Keys(dict)) {
		list = append(list, dict[name])
	}
	return list
}

// merge is sprig's merge on copies: values are shared by all renderings.
func merge(dicts []map[string]any, options ...func(*mergo.Config)) (map[string]any, error) {
	merged := map[string]any{}
	for _, dict := range dicts {
		copied := deepCopy(dict).(map[string]any)
		if err := mergo.Merge(&merged, copied, options...); err != nil {
			return nil, err
		}
	}
	return merged, nil
}
