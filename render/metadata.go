package render

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

// checkMetadata checks the values `labels` and `annotations`, which go onto every object.
func checkMetadata(values map[string]any) error {
	labels, annotations := stringMap(values["labels"]), stringMap(values["annotations"])
	var problems []error
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		problems = append(problems, checkKey("labels", key))
		if found := validation.IsValidLabelValue(labels[key]); found != nil {
			problems = append(problems, under("labels", under(key, fmt.Errorf("%q: %s", labels[key], found[0]))))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		problems = append(problems, checkKey("annotations", key))
	}
	return errors.Join(problems...)
}

func checkKey(field, key string) error {
	if found := validation.IsQualifiedName(strings.ToLower(key)); found != nil {
		return under(field, under(key, fmt.Errorf("the key %q: %s", key, found[0])))
	}
	if key == LabelManagedBy || strings.HasPrefix(key, "orchestra.") {
		return under(field, under(key, fmt.Errorf("the key %q is the driver's own; choose another", key)))
	}
	return nil
}
