package render

import (
	"errors"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

// Lint renders tasks whose strings look like YAML, one field at a time, and returns an *InjectionError, joined with the others, for each
// place of a template that would refuse such a task because it does not quote. New accepts these templates, since the tasks of a
// platform may be tame; `template lint` tells their author before a task does.
func (s *Set) Lint() error {
	var problems []error
	seen := map[Position]bool{}
	for _, put := range riskyFields {
		for _, text := range riskyTexts {
			task := orchestra.Task{ID: "sample", Image: "busybox", Command: []string{"echo"}}
			put(&task, text)
			_, err := s.Task(task, RoleTask)
			var injection *InjectionError
			if errors.As(err, &injection) && !seen[injection.Position] {
				seen[injection.Position] = true
				problems = append(problems, injection)
			}
		}
	}
	return errors.Join(problems...)
}

// riskyTexts are what YAML reads as syntax or as another type if it is not quoted, indented or not.
var riskyTexts = []string{"a: b # c", "on", "0123", "\n---\n- a", "'", `"`, "{{ x }}", ""}

// riskyFields put a text into each field of a task that is free text.
var riskyFields = []func(task *orchestra.Task, text string){
	func(task *orchestra.Task, text string) { task.ID = text },
	func(task *orchestra.Task, text string) { task.Image = text },
	func(task *orchestra.Task, text string) { task.Command = []string{text} },
	func(task *orchestra.Task, text string) { task.Env = map[string]string{"X": text} },
	func(task *orchestra.Task, text string) { task.Env = map[string]string{text: "x"} },
	func(task *orchestra.Task, text string) { task.WorkDir = "/" + text },
	func(task *orchestra.Task, text string) { task.Mounts = orchestra.Mounts{{Name: text, Path: "data"}} },
	func(task *orchestra.Task, text string) {
		task.Mounts = orchestra.Mounts{{Name: "data", Path: "x" + text}}
	},
}
