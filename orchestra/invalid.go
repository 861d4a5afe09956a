package orchestra

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// FieldError is one thing that is wrong with one field.
type FieldError struct {
	Field   string // as in Go: Image, Mounts[1].Path, Env["A=B"]
	Value   string // quoted and cut if long; "" where there is none, or where it may be a secret
	Problem string // what is wrong with it
}

func (e *FieldError) Error() string {
	if e.Value == "" {
		return e.Field + ": " + e.Problem
	}
	return e.Field + " " + e.Value + ": " + e.Problem
}

// InvalidError holds everything that is wrong with a task or a volume. errors.As finds it, and each FieldError in it.
type InvalidError struct {
	Kind     string // "task" or "volume"
	Name     string // the task's ID or the volume's name, as it was given
	Problems []*FieldError
}

func (e *InvalidError) Error() string {
	problems := make([]string, len(e.Problems))
	for i, problem := range e.Problems {
		problems[i] = problem.Error()
	}
	return fmt.Sprintf("validating %s %s: %s", e.Kind, shortQuote(e.Name), strings.Join(problems, "; "))
}

// Unwrap returns the problems.
func (e *InvalidError) Unwrap() []error {
	errs := make([]error, len(e.Problems))
	for i, problem := range e.Problems {
		errs[i] = problem
	}
	return errs
}

// fieldErrors collects problems in the order in which they are found.
type fieldErrors []*FieldError

func (f *fieldErrors) add(field, value, format string, args ...any) {
	if value != "" {
		value = shortQuote(value)
	}
	f.addSecret(field, format, args...)
	(*f)[len(*f)-1].Value = value
}

// addSecret is add for values that must not be shown.
func (f *fieldErrors) addSecret(field, format string, args ...any) {
	*f = append(*f, &FieldError{Field: field, Problem: fmt.Sprintf(format, args...)})
}

// orNil returns the problems as one error, or nil if there are none.
func (f *fieldErrors) orNil(kind, name string) error {
	if len(*f) == 0 {
		return nil
	}
	return &InvalidError{Kind: kind, Name: name, Problems: *f}
}

// maxQuoted is how many bytes of a value an error shows: enough to recognise it.
const maxQuoted = 64

func shortQuote(s string) string {
	if len(s) <= maxQuoted {
		return strconv.Quote(s)
	}
	cut := maxQuoted
	for cut > maxQuoted-utf8.UTFMax && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return fmt.Sprintf("%q... (%d bytes)", s[:cut], len(s))
}
