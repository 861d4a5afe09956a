package render

import (
	"errors"
	"fmt"
	"strings"
)

// TemplateError says what is wrong with what a template rendered to, and where in the template that is.
type TemplateError struct {
	Position Position
	Path     string // of the object's field; "" if the whole
	Rendered string // the rendered lines around, numbered
	Err      error
}

func (e *TemplateError) Error() string {
	text := "template " + e.Position.String() + ": "
	if e.Path != "" {
		text += e.Path + ": "
	}
	text += e.Err.Error()
	if e.Rendered != "" {
		text += "\nrendered:\n" + e.Rendered
	}
	return text
}

func (e *TemplateError) Unwrap() error { return e.Err }

// errorf is an error at a field of the document. The rendered text is not shown: the template's line says enough.
func (d document) errorf(path []any, format string, args ...any) error {
	return &TemplateError{Position: d.position(path), Path: pathString(path), Err: fmt.Errorf(format, args...)}
}

// position is the template's line that made a field.
func (d document) position(path []any) Position {
	text := d.text()
	return d.set.position(d.file, d.data, text, yamlLine(text, d.index, path), libraryFunctions)
}

// explainYAML points from errors in rendered YAML, which nobody has seen, into the template.
func (s *Set) explainYAML(name, text string, data *Data, err error) error {
	shown := s.withoutSecrets(name, text, data)
	var problems []error
	for _, problem := range each(err) {
		line := errorLine(text, problem)
		problems = append(problems, &TemplateError{
			Position: s.position(name, data, text, line, libraryFunctions),
			Rendered: around(shown, line),
			Err:      fmt.Errorf("parsing the rendered YAML: %w", problem),
		})
	}
	return errors.Join(problems...)
}

// withoutSecrets is the text for people to see: as it is without the values of the task's env. It is "" if that has other lines.
func (s *Set) withoutSecrets(name, text string, data *Data) string {
	if data.Task == nil || len(data.Task.Env) == 0 {
		return text
	}
	data = data.clone()
	for i := range data.Task.Env {
		data.Task.Env[i].Value, data.Task.Env[i].Literal = "x", "x"
	}
	shown, err := s.execute(&s.plain, name, data)
	if err != nil || strings.Count(shown, "\n") != strings.Count(text, "\n") {
		return ""
	}
	return shown
}

// around shows two lines before and after, the line itself marked.
func around(text string, line int) string {
	if line == 0 || text == "" {
		return ""
	}
	var shown []string
	for i, content := range strings.Split(text, "\n") {
		if number := i + 1; number >= line-2 && number <= line+2 {
			sign := " "
			if number == line {
				sign = ">"
			}
			if len(content) > 160 {
				content = strings.ToValidUTF8(content[:160], "") + "..."
			}
			shown = append(shown, fmt.Sprintf("%s %4d | %s", sign, number, content))
		}
	}
	return strings.Join(shown, "\n")
}
