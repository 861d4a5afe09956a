package render

import (
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// own makes a rendered object the driver's: it sets what the driver finds its objects by, and refuses what would take
// the object away from it. A template need not carry any of this.
func (d document) own() error {
	metadata, err := d.metadata()
	if err != nil {
		return err
	}
	for _, field := range []string{"ownerReferences", "finalizers", "generateName", "uid", "resourceVersion", "creationTimestamp", "managedFields", "deletionTimestamp"} {
		if _, set := metadata[field]; set {
			return d.errorf([]any{"metadata", field}, "a template cannot set it: the driver decides when its objects go; remove it")
		}
	}
	if _, set := d.object["status"]; set {
		return d.errorf([]any{"status"}, "a template cannot set it: the cluster writes it; remove it")
	}
	for field, want := range map[string]string{"name": d.data.Name, "namespace": d.data.Namespace} {
		if got, set := metadata[field]; set && got != want {
			return d.errorf([]any{"metadata", field}, "is %q, but the driver's name for it is %q; remove it or write {{ .%s }}",
				fmt.Sprint(got), want, map[string]string{"name": "Name", "namespace": "Namespace"}[field])
		}
		metadata[field] = want
	}
	for field, own := range map[string]map[string]string{"labels": d.data.Labels, "annotations": d.data.Annotations} {
		if err := d.setStrings([]any{"metadata", field}, metadata, field, own); err != nil {
			return err
		}
	}
	return nil
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

// setStrings lays own over a map of strings. A template's own entries stay, but it cannot give one of the driver's another value.
func (d document) setStrings(path []any, parent map[string]any, field string, own map[string]string) error {
	entries, ok := parent[field].(map[string]any)
	if !ok {
		if parent[field] != nil {
			return d.errorf(path, "is a %s, not a map of strings", kindName(parent[field]))
		}
		entries = map[string]any{}
		parent[field] = entries
	}
	for _, key := range slices.Sorted(maps.Keys(entries)) {
		text, ok := entries[key].(string)
		if !ok {
			return d.errorf(append(path, key), "is a %s, not a string; quote it", kindName(entries[key]))
		}
		if want, taken := own[key]; taken && want != text {
			return d.errorf(append(path, key), "is %q, but the driver sets it to %q; remove it", text, want)
		}
	}
	for key, value := range own {
		entries[key] = value
	}
	return nil
}

// kind returns apiVersion and kind of the object.
func (d document) kind() (Kind, error) {
	var k Kind
	for field, to := range map[string]*string{"apiVersion": &k.APIVersion, "kind": &k.Kind} {
		text, ok := d.object[field].(string)
		if !ok || text == "" {
			return k, d.errorf([]any{field}, "is missing; every object says what it is")
		}
		*to = text
	}
	return k, nil
}
