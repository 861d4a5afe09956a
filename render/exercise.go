package render

import (
	"errors"
	"fmt"
	"strings"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

// exercise renders sample tasks, which between them use every field, and a sample volume. What fails for them is a mistake
// of the templates, whatever tasks will come.
func (s *Set) exercise() error {
	for _, required := range []string{podFile, claimFile} {
		if !s.sources.has(required) {
			return fmt.Errorf("loading templates: no layer has a %s", required)
		}
	}
	var problems []error
	kinds, told := map[Kind]bool{}, map[string]bool{}
	for _, sample := range s.samples() {
		rendered, err := s.Task(sample.task, sample.role)
		if err != nil {
			if cause := causeOf(err); !told[cause] { // most mistakes show with every sample
				told[cause] = true
				problems = append(problems, fmt.Errorf("exercising the templates with a sample task (%s): %w", sample.what, err))
			}
			continue
		}
		for _, extra := range rendered.Extras {
			if kind := (Kind{extra.GetAPIVersion(), extra.GetKind()}); !kinds[kind] {
				kinds[kind] = true
				s.kinds = append(s.kinds, kind)
			}
		}
	}
	if _, err := s.Volume("sample", 0); err != nil {
		problems = append(problems, fmt.Errorf("exercising the templates with a sample volume: %w", err))
	}
	if _, err := s.Namespace(); err != nil {
		problems = append(problems, fmt.Errorf("exercising the templates with the namespace: %w", err))
	}
	return errors.Join(problems...)
}

// causeOf is the part of Task's error that does not name the task.
func causeOf(err error) string {
	if cause := errors.Unwrap(err); cause != nil {
		err = cause
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
