package render

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

// exercise renders sample tasks, which between them use every field, a sample volume and the namespace. What fails for them is a
// mistake of the templates, whatever tasks will come.
func (s *Set) exercise() error {
	for _, required := range []string{podFile, claimFile} {
		if !s.sources.has(required) {
			return fmt.Errorf("loading templates: no layer has a %s", required)
		}
	}
	mistakes := mistakes{told: map[string]bool{}}
	for _, sample := range s.samples() {
		extras, err := s.try(sample)
		mistakes.add("a sample task ("+sample.what+")", err)
		s.learnKinds(extras)
		if cost := costError(""); errors.As(err, &cost) {
			break // as it cost a second, and would again
		}
	}
	mistakes.add("a sample volume", s.tryVolume())
	_, err := s.Namespace()
	mistakes.add("the namespace", err)
	return errors.Join(mistakes.problems...)
}

// try renders a sample. Unlike Task it does not name the task in its errors, as every sample meets most mistakes.
func (s *Set) try(sample sample) (extras []*unstructured.Unstructured, err error) {
	data, err := s.taskData(sample.task, sample.role)
	if err != nil {
		return nil, err
	}
	rendered, err := s.task(data)
	if err != nil {
		return nil, err
	}
	return rendered.Extras, nil
}

func (s *Set) tryVolume() error {
	data, err := s.volumeData("sample", 0)
	if err != nil {
		return err
	}
	_, err = s.claim(data)
	return err
}

func (s *Set) learnKinds(extras []*unstructured.Unstructured) {
	for _, extra := range extras {
		if kind := (Kind{extra.GetAPIVersion(), extra.GetKind()}); !slices.Contains(s.kinds, kind) {
			s.kinds = append(s.kinds, kind)
		}
	}
}

// mistakes collects what is wrong with the templates, each cause once.
type mistakes struct {
	told     map[string]bool
	problems []error
}

func (m *mistakes) add(with string, err error) {
	var found []error
	for _, problem := range each(err) {
		if cause := causeOf(problem); !m.told[cause] {
			m.told[cause] = true
			found = append(found, problem)
		}
	}
	if found != nil {
		m.problems = append(m.problems, fmt.Errorf("exercising the templates with %s: %w", with, indented(found)))
	}
}

// indented are several problems, each on lines of its own below what they have in common.
type indented []error

func (p indented) Error() string {
	if len(p) == 1 {
		return p[0].Error()
	}
	return strings.ReplaceAll("\n"+errors.Join(p...).Error(), "\n", "\n  ")
}

func (p indented) Unwrap() []error { return p }

// each returns the problems that were joined to an error.
func each(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return slices.DeleteFunc([]error{err}, func(err error) bool { return err == nil })
	}
	var problems []error
	for _, problem := range joined.Unwrap() {
		problems = append(problems, each(problem)...)
	}
	return problems
}

// causeOf is the same for the same mistake, whatever sample has met it: errors hold names and values of their task.
func causeOf(err error) string {
	var wrong *TemplateError
	if errors.As(err, &wrong) {
		return wrong.Position.String() + ": " + wrong.Path
	}
	var injection *InjectionError
	if errors.As(err, &injection) {
		return injection.Position.String() + ": " + injection.Field
	}
	return err.Error()
}

// sample is a task that templates are tried with.
type sample struct {
	what string
	task orchestra.Task
	role Role
}

func (s *Set) samples() []sample {
	plain := orchestra.Task{ID: "sample", Image: "busybox"}
	full := orchestra.Task{
		ID:              "sample full",
		Image:           "busybox:1.36",
		Command:         []string{"sh", "-c", "echo $GREETING"},
		Env:             map[string]string{"GREETING": "hello world", "EMPTY": ""},
		Mounts:          orchestra.Mounts{{Name: "cache", Path: "cache"}, {Name: "out", Path: "/out"}},
		ContainerLimits: orchestra.ContainerLimits{CPU: 512, Memory: 128 << 20},
		User:            "1000:1000",
		WorkDir:         "/src",
		Stdin:           strings.NewReader(""),
	}
	samples := []sample{
		{"only ID and image", plain, RoleTask},
		{"every field but Privileged", full, RoleTask},
		{"a copy pod", orchestra.Task{ID: "sample copy", Image: "busybox", Mounts: full.Mounts}, RoleCopy},
		{"a sandbox", plain, RoleSandbox},
	}
	if allowed, _ := s.values["allowPrivileged"].(bool); allowed {
		full.ID, full.Privileged = "sample privileged", true
		samples = append(samples, sample{"every field", full, RoleTask})
	}
	return samples
}
