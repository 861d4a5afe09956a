package render

import (
	"fmt"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

// Object is a rendered object that knows its template.
type Object struct {
	*unstructured.Unstructured

	from document
}

// Position is the template's line that made a field, or the nearest one above that is known. The path is written as in Kubernetes' errors:
// spec.containers[0].image. It renders once more, so it is for errors only.
func (o Object) Position(path string) Position { return o.from.position(parsePath(path)) }

// All renders everything that running a task applies, in its order: the objects of namespace.yaml, the claims of the task's mounts, its
// extra objects, its workload.
func (s *Set) All(task orchestra.Task, role Role) ([]Object, error) {
	documents, err := s.namespaceDocuments()
	if err != nil {
		return nil, err
	}
	for _, mount := range task.Mounts {
		claim, err := s.volumeDocument(mount.Name, int64(mount.SizeGB)<<30)
		if err != nil {
			return nil, err
		}
		documents = append(documents, claim)
	}
	data, err := s.taskData(task, role)
	if err != nil {
		return nil, fmt.Errorf("rendering task %q: %w", task.ID, err)
	}
	workload, extras, err := s.taskDocuments(data)
	if err != nil {
		return nil, fmt.Errorf("rendering task %q: %w", task.ID, err)
	}
	newRendered(data, workload, extras) // seals the workload
	documents = append(append(documents, extras...), workload)
	objects := make([]Object, len(documents))
	for i, document := range documents {
		objects[i] = Object{Unstructured: document.unstructured(), from: document}
	}
	return objects, nil
}

// parsePath is the opposite of pathString, for paths whose field names hold neither dots nor brackets.
func parsePath(text string) (path []any) {
	for field := range strings.SplitSeq(text, ".") {
		name, indexes, _ := strings.Cut(field, "[")
		if name != "" {
			path = append(path, name)
		}
		for index := range strings.SplitSeq(indexes, "[") {
			if at, err := strconv.Atoi(strings.TrimSuffix(index, "]")); err == nil {
				path = append(path, at)
			}
		}
	}
	return path
}
