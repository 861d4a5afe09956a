package render

import (
	"errors"
	"maps"
	"slices"
)

// extraFiles are the templates that are neither the workload, nor a claim, nor the namespace.
func (s *sources) extraFiles() []string {
	return slices.DeleteFunc(s.names(), func(name string) bool {
		return name == podFile || name == claimFile || name == namespaceFile
	})
}

// extras renders the extra objects of a task. A file may render to nothing, for a task that does not need its object.
func (s *Set) extras(task *Data) ([]document, error) {
	var extras []document
	var problems []error
	for _, name := range s.sources.extraFiles() {
		data := *task
		data.Name = extraName(task.Name, name)
		data.Annotations = maps.Clone(task.Annotations)
		delete(data.Annotations, AnnotationStdin)
		documents, err := s.documents(name, &data)
		problems = append(problems, err)
		for _, document := range documents {
			problems = append(problems, document.ownExtra())
		}
		extras = append(extras, documents...)
	}
	return extras, errors.Join(problems...)
}

func (d document) ownExtra() error {
	if d.index > 0 {
		return d.errorf(nil, "is a second document; an extra object has a file, and so a name, of its own")
	}
	return errors.Join(d.checkExtraKind(), d.own())
}

func (d document) checkExtraKind() error {
	kind, err := d.kind()
	switch {
	case err != nil:
		return err
	case slices.Contains(runningKinds, kind.Kind):
		return d.errorf([]any{"kind"}, "is %s; a task has one workload, the one of %s: put what runs beside it into its pod as a sidecar", kind.Kind, podFile)
	case kind.Kind == "Namespace":
		return d.errorf([]any{"kind"}, "is Namespace; the namespace belongs into %s", namespaceFile)
	}
	return nil
}
