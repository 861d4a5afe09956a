package render

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/orchestra-ci/orchestra-k8s/sanitize"
)

// dedicatedNamespace is the name of the Kubernetes namespace that namespace.yaml makes for this Orchestra namespace.
func (s *Set) dedicatedNamespace() string { return sanitize.Label("orchestra", s.namespace) }

// Namespace renders namespace.yaml: the Namespace first, then what stands beside it (quota, limits, network policy), in
// the order of the file. It is nil if no layer has that file.
func (s *Set) Namespace() ([]*unstructured.Unstructured, error) {
	documents, err := s.namespaceDocuments()
	if err != nil {
		return nil, err
	}
	var objects []*unstructured.Unstructured
	for _, document := range documents {
		objects = append(objects, document.unstructured())
	}
	return objects, nil
}

func (s *Set) namespaceDocuments() ([]document, error) {
	if !s.sources.has(namespaceFile) {
		return nil, nil
	}
	data := s.namespaceData(s.kubeNamespace)
	var err error
	if data.found, err = inspect(data); err != nil {
		return nil, fmt.Errorf("rendering the namespace: %w", err)
	}
	documents, err := s.documents(namespaceFile, data)
	if err != nil {
		return nil, err
	}
	if len(documents) == 0 {
		return nil, fmt.Errorf("template %s: renders to nothing; it must make a Namespace", s.sources.files[namespaceFile])
	}
	var problems []error
	for _, document := range documents {
		problems = append(problems, document.ownBeside())
	}
	return documents, errors.Join(problems...)
}

// ownBeside makes a document of namespace.yaml the driver's: the first is the Namespace itself, the others lie in it and keep
// the names that the template gives them.
func (d document) ownBeside() error {
	kind, err := d.kind()
	if err != nil {
		return err
	}
	data := *d.data
	d.data = &data
	isNamespace := kind == Kind{"v1", "Namespace"}
	switch {
	case isNamespace != (d.index == 0):
		return d.errorf([]any{"kind"}, "is %s; the first document is the Namespace, and the only one", kind.Kind)
	case slices.Contains(runningKinds, kind.Kind):
		return d.errorf([]any{"kind"}, "is %s; a namespace holds no workload but its tasks", kind.Kind)
	case isNamespace:
		err := d.own()
		unstructured.RemoveNestedField(d.object, "metadata", "namespace") // it lies in none
		return err
	}
	metadata, err := d.metadata()
	if err != nil {
		return err
	}
	name, _ := metadata["name"].(string)
	if problems := validation.IsDNS1123Subdomain(name); problems != nil {
		return d.errorf([]any{"metadata", "name"}, "%q: %s", name, problems[0])
	}
	data.Name = name
	return d.own()
}

func (s *Set) namespaceData(name string) *Data {
	return &Data{
		Name:        name,
		Namespace:   name,
		Labels:      s.labels(nil),
		Annotations: maps.Clone(s.annotations(nil)),
		Values:      s.values,
	}
}
