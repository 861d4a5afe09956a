package render

import (
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// extraFiles are the templates that are neither the workload, nor a claim, nor the namespace.
func (s *sources) extraFiles() []string {
	return slices.DeleteFunc(s.names(), func(name string) bool {
		return name == podFile || name == claimFile || name == namespaceFile
	})
}

// extras renders the extra objects of a task. A file may render to nothing, for a task that does not need its object.
func (s *Set) extras(task *Data) ([]*unstructured.Unstructured, error) {
	var objects []*unstructured.Unstructured
	for _, name := range s.sources.extraFiles() {
		data := *task
		data.Name = extraName(task.Name, name)
		data.Annotations = maps.Clone(task.Annotations)
		delete(data.Annotations, AnnotationStdin)
		documents, err := s.documents(name, &data)
		if err != nil {
			return nil, err
		}
		for _, document := range documents {
			object, err := document.extra()
			if err != nil {
				return nil, err
			}
			objects = append(objects, object)
		}
	}
	return objects, nil
}

func (d document) extra() (*unstructured.Unstructured, error) {
	if d.index > 0 {
		return nil, d.errorf(nil, "is a second document; an extra object has a file, and so a name, of its own")
	}
	kind, err := d.kind()
	if err != nil {
		return nil, err
	}
	if slices.Contains(runningKinds, kind.Kind) {
		return nil, d.errorf([]any{"kind"}, "is %s; a task has one workload, the one of %s: put what runs beside it into its pod as a sidecar", kind.Kind, podFile)
	}
	if kind.Kind == "Namespace" {
		return nil, d.errorf([]any{"kind"}, "is Namespace; the namespace belongs into %s", namespaceFile)
	}
	return d.own()
}
