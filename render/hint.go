package render

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// hint is what may help with an error of text/template, from behind its message.
type hint struct {
	pattern *regexp.Regexp
	say     func(s *sources, found []string) string
}

var hints = []hint{
	{regexp.MustCompile(`function "(\w+)" not defined`), func(_ *sources, found []string) string { return didYouMean(found[1], functionNames) }},
	{regexp.MustCompile(`unexpected EOF$`), func(*sources, []string) string {
		return "; an {{ if }}, {{ range }}, {{ with }} or {{ define }} above has no {{ end }}"
	}},
	{regexp.MustCompile(`no template "([^"]*)"`), hintDefine},
	{regexp.MustCompile(`template "([^"]*)" not defined`), hintDefine},
	{regexp.MustCompile(`can't evaluate field (\w+) in type (?:\*|\[\])*render\.(\w+)$`), func(_ *sources, found []string) string {
		return didYouMean(found[1], fieldsOf(found[2]))
	}},
	{regexp.MustCompile(`at <[^>]*\.Values\.\w+>: map has no entry for key "(\w+)"`), func(s *sources, found []string) string {
		return "; read a value that may be missing with index .Values " + fmt.Sprintf("%q", found[1])
	}},
}

func hintDefine(s *sources, found []string) string {
	names := map[string]any{}
	for name := range s.trees {
		names[name] = nil
	}
	return didYouMean(found[1], names)
}

// hinted adds to an error what may help.
func (s *sources) hinted(err error) error {
	text := err.Error()
	for _, hint := range hints {
		if found := hint.pattern.FindStringSubmatch(text); found != nil {
			return fmt.Errorf("%w%s", err, hint.say(s, found))
		}
	}
	return err
}

func didYouMean(name string, known map[string]any) string {
	if near := nearest(name, known); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	if len(known) > 20 {
		return ""
	}
	return "; there are " + strings.Join(slices.Sorted(maps.Keys(known)), ", ")
}

// fieldsOf are the fields that templates see of a type of Data.
func fieldsOf(name string) map[string]any {
	fields := map[string]any{}
	for _, of := range []any{Data{}, TaskData{}, EnvData{}, MountData{}, ResourceData{}, VolumeData{}} {
		if kind := reflect.TypeOf(of); kind.Name() == name {
			for _, field := range reflect.VisibleFields(kind) {
				if field.IsExported() {
					fields[field.Name] = nil
				}
			}
		}
	}
	return fields
}
