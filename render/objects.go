package render

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
	"github.com/orchestra-ci/orchestra-k8s/sanitize"
)

// Task renders a task's workload and its extra objects. The task must be valid (orchestra.Task.Validate); its Stdin is not read.
func (s *Set) Task(task orchestra.Task, role Role) (*Rendered, error) {
	return s.TaskOn("", task, role)
}

// TaskOn is Task for one node, which the cluster has named; "" is any.
func (s *Set) TaskOn(node string, task orchestra.Task, role Role) (*Rendered, error) {
	data, err := s.taskData(task, role)
	if err != nil {
		return nil, fmt.Errorf("rendering task %q: %w", task.ID, err)
	}
	data.Node = node
	rendered, err := s.task(data)
	if err != nil {
		return nil, fmt.Errorf("rendering task %q: %w", task.ID, indented(each(err)))
	}
	return rendered, nil
}

func (s *Set) task(data *Data) (*Rendered, error) {
	workload, extras, err := s.taskDocuments(data)
	if err != nil {
		return nil, err
	}
	return newRendered(data, workload, extras), nil
}

func newRendered(data *Data, workload document, extras []document) *Rendered {
	rendered := &Rendered{Workload: workload.unstructured()}
	for _, extra := range extras {
		rendered.Extras = append(rendered.Extras, extra.unstructured())
	}
	for _, mount := range data.Task.Mounts {
		rendered.Claims = append(rendered.Claims, mount.ClaimName)
	}
	rendered.seal()
	return rendered
}

// taskDocuments renders and checks all of a task's objects, and reports what is wrong with any of them.
func (s *Set) taskDocuments(data *Data) (workload document, extras []document, err error) {
	workload, err = s.single(podFile, data)
	if err == nil {
		err = workload.ownWorkload()
	}
	extras, extrasErr := s.extras(data)
	return workload, extras, errors.Join(err, extrasErr)
}

// single renders a file that holds exactly one object.
func (s *Set) single(name string, data *Data) (document, error) {
	documents, err := s.documents(name, data)
	switch {
	case err != nil:
		return document{}, err
	case len(documents) == 0:
		return document{}, fmt.Errorf("template %s: renders to nothing; it must make one object", s.sources.files[name])
	case len(documents) > 1:
		return document{}, documents[1].errorf(nil, "is a second document; %s makes one object", name)
	}
	return documents[0], nil
}

// seal writes into the workload's annotations the digest of everything rendered and the kinds of the extras.
func (r *Rendered) seal() {
	r.Digest = digest(append(slices.Clone(r.Extras), r.Workload))
	annotations := r.Workload.Object["metadata"].(map[string]any)["annotations"].(map[string]any) // own made it
	annotations[AnnotationDigest] = r.Digest
	if kinds := kindsOf(r.Extras); len(kinds) > 0 {
		annotations[AnnotationKinds] = strings.Join(kinds, ",")
	}
}

// kindsOf lists the kinds of objects as "apiVersion/Kind", sorted, each once.
func kindsOf(objects []*unstructured.Unstructured) []string {
	var kinds []string
	for _, object := range objects {
		kinds = append(kinds, Kind{object.GetAPIVersion(), object.GetKind()}.String())
	}
	slices.Sort(kinds)
	return slices.Compact(kinds)
}

// Volume renders a volume's claim. size is in bytes; 0 means the value `storage`.
func (s *Set) Volume(name string, size int64) (*unstructured.Unstructured, error) {
	claim, err := s.volumeDocument(name, size)
	if err != nil {
		return nil, err
	}
	return claim.unstructured(), nil
}

func (s *Set) volumeDocument(name string, size int64) (document, error) {
	data, err := s.volumeData(name, size)
	if err != nil {
		return document{}, fmt.Errorf("rendering volume %q: %w", name, err)
	}
	claim, err := s.claim(data)
	if err != nil {
		return document{}, fmt.Errorf("rendering volume %q: %w", name, err)
	}
	return claim, nil
}

func (s *Set) volumeData(name string, size int64) (data *Data, err error) {
	quantity := fmt.Sprint(s.values["storage"])
	if size > 0 {
		quantity = resource.NewQuantity(size, resource.BinarySI).String()
	}
	data = &Data{
		Name:        s.ClaimName(name),
		Namespace:   s.kubeNamespace,
		Labels:      s.labels(map[string]string{KeyVolume: sanitize.LabelValue(s.namespace, name)}),
		Annotations: s.annotations(map[string]string{KeyVolume: name}),
		Values:      s.values,
		Volume:      &VolumeData{Name: name, Size: quantity},
	}
	data.found, err = inspect(data)
	return data, err
}

func (s *Set) claim(data *Data) (document, error) {
	claim, err := s.single(claimFile, data)
	if err != nil {
		return claim, err
	}
	kind, err := claim.kind()
	if err == nil && kind != claimKind {
		err = claim.errorf([]any{"kind"}, "is %s; %s makes a v1 PersistentVolumeClaim", kind, claimFile)
	}
	return claim, errors.Join(err, claim.own())
}
