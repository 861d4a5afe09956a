package render

import (
	"encoding/json"
	"errors"
	"fmt"

	utiljson "k8s.io/apimachinery/pkg/util/json"
)

// configLayer is how errors call the values that the caller gave in Config.Values.
const configLayer = "Config.Values"

// loadValues checks the values of every layer against the schema, each by itself so that an error knows its layer, and
// lays them over each other. All layers' problems are reported at once.
func loadValues(files []file, given map[string]any, schema *schema) (map[string]any, error) {
	values := map[string]any{}
	var problems []error
	add := func(source string, layer map[string]any) {
		if err := schema.check(source, layer); err != nil {
			problems = append(problems, err)
			return
		}
		values = mergeValues(values, layer, newListKeys(schema.document))
	}
	for _, f := range files {
		if f.name != valuesFile {
			continue
		}
		layer, err := decodeValues(f)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		add(f.String(), layer)
	}
	normal, err := normalValues(given)
	if err != nil {
		problems = append(problems, fmt.Errorf("%s: %w", configLayer, err))
	} else if len(normal) > 0 {
		add(configLayer, normal)
	}
	return values, errors.Join(problems...)
}

func decodeValues(f file) (map[string]any, error) {
	documents, err := decodeDocuments(f.text)
	if err != nil {
		return nil, fmt.Errorf("parsing values %s: %w", f, err)
	}
	switch len(documents) {
	case 0:
		return map[string]any{}, nil
	case 1:
		return documents[0], nil
	}
	return nil, fmt.Errorf("parsing values %s: %d documents; values are one", f, len(documents))
}

// normalValues brings a caller's Go values ([]string, int, structs) to the form that YAML would have given them.
func normalValues(given map[string]any) (map[string]any, error) {
	if len(given) == 0 {
		return nil, nil
	}
	raw, err := json.Marshal(given)
	if err != nil {
		return nil, err
	}
	var normal map[string]any
	if err := utiljson.Unmarshal(raw, &normal); err != nil {
		return nil, err
	}
	return normal, nil
}
