package render

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// foreignMetadata are the fields of metadata that would take an object out of the driver's hands.
var foreignMetadata = []string{"ownerReferences", "finalizers", "generateName", "uid", "resourceVersion", "creationTimestamp", "managedFields", "deletionTimestamp"}

// own makes a rendered object the driver's: it sets what the driver finds its objects by, and refuses what would take
// the object away from it. A template need not carry any of this.
func (d document) own() error {
	metadata, err := d.metadata()
	if err != nil {
		return err
	}
	problems := []error{
		d.setName(metadata, "name", d.data.Name, "{{ .Name }}"),
		d.setName(metadata, "namespace", d.data.Namespace, "{{ .Namespace }}"),
		d.setMetadata([]any{"metadata"}, metadata),
	}
	for _, field := range foreignMetadata {
		if _, set := metadata[field]; set {
			problems = append(problems, d.errorf([]any{"metadata", field}, "a template cannot set it: the driver decides when its objects go; remove it"))
		}
	}
	if _, set := d.object["status"]; set {
		problems = append(problems, d.errorf([]any{"status"}, "a template cannot set it: the cluster writes it; remove it"))
	}
	return errors.Join(problems...)
}

// setName sets a name that is the driver's to choose. A template may write it too, but no other.
func (d document) setName(metadata map[string]any, field, want, written string) error {
	if got, set := metadata[field]; set && got != want {
		return d.errorf([]any{"metadata", field}, "is %q, but the driver's %s for it is %q; remove it or write %s", fmt.Sprint(got), field, want, written)
	}
	metadata[field] = want
	return nil
}

// setMetadata sets labels and annotations in the metadata that stands at this path.
func (d document) setMetadata(path []any, metadata map[string]any) error {
	return errors.Join(
		d.setStrings(append(slices.Clone(path), "labels"), metadata, d.data.Labels),
		d.setStrings(append(slices.Clone(path), "annotations"), metadata, d.data.Annotations),
	)
}

func (d document) unstructured() *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: d.object}
}

// metadata returns the object's metadata, made if it is missing.
func (d document) metadata() (map[string]any, error) {
	raw, set := d.object["metadata"]
	if !set || raw == nil {
		raw = map[string]any{}
		d.object["metadata"] = raw
	}
	metadata, ok := raw.(map[string]any)
	if !ok {
		return nil, d.errorf([]any{"metadata"}, "is a %s, not a map of fields", kindName(raw))
	}
	return metadata, nil
}

// setStrings lays own over the map of strings at the path, of which parent holds the last step. A template's own entries stay, but it
// cannot give one of the driver's another value.
func (d document) setStrings(path []any, parent map[string]any, own map[string]string) error {
	field := path[len(path)-1].(string)
	entries, ok := parent[field].(map[string]any)
	if !ok {
		if parent[field] != nil {
			return d.errorf(path, "is a %s, not a map of strings", kindName(parent[field]))
		}
		entries = map[string]any{}
		parent[field] = entries
	}
	var problems []error
	for _, key := range slices.Sorted(maps.Keys(entries)) {
		at := append(slices.Clone(path), key)
		if text, ok := entries[key].(string); !ok {
			problems = append(problems, d.errorf(at, "is a %s, not a string; quote it", kindName(entries[key])))
		} else if want, taken := own[key]; taken && want != text {
			problems = append(problems, d.errorf(at, "is %q, but the driver sets it to %q; remove it", text, want))
		}
	}
	for key, value := range own {
		entries[key] = value
	}
	return errors.Join(problems...)
}

// kind returns apiVersion and kind of the object.
func (d document) kind() (Kind, error) {
	apiVersion, errVersion := d.typeField("apiVersion")
	kind, errKind := d.typeField("kind")
	return Kind{apiVersion, kind}, errors.Join(errVersion, errKind)
}

func (d document) typeField(field string) (string, error) {
	text, ok := d.object[field].(string)
	if !ok || text == "" {
		return "", d.errorf([]any{field}, "is missing; every object says what it is")
	}
	return text, nil
}
