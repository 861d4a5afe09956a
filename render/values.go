package render

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/validation"
)

// configLayer is how errors call the values that the caller gave in Config.Values.
const configLayer = "Config.Values"

// loadValues checks the values of every layer, each by itself so that an error knows its layer and line, and lays them over each
// other. All layers' problems are reported at once.
func loadValues(files []file, given map[string]any, schema *schema) (map[string]any, error) {
	values := map[string]any{}
	var problems []error
	add := func(source layerValues) {
		problems = append(problems, source.check(schema))
		values = mergeValues(values, source.values, newListKeys(schema.document))
	}
	for _, f := range files {
		if f.name != valuesFile {
			continue
		}
		source, err := decodeValues(f)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		add(source)
	}
	normal, err := normalValues(given)
	if err != nil {
		problems = append(problems, fmt.Errorf("values %s: %w", configLayer, err))
	}
	add(layerValues{name: configLayer, values: normal})
	return values, errors.Join(problems...)
}

// layerValues are the values of one layer.
type layerValues struct {
	name   string
	text   string // "" if they were given as Go values
	values map[string]any
}

func decodeValues(f file) (layerValues, error) {
	source := layerValues{name: f.String(), text: f.text}
	documents, err := decodeDocuments(f.text)
	switch {
	case err != nil:
		return source, source.locate(err)
	case len(documents) > 1:
		return source, fmt.Errorf("values %s: %d documents; values are one", f, len(documents))
	case len(documents) == 1:
		source.values = documents[0]
	}
	return source, nil
}

// check looks at what the schema says, and where that has nothing to say at what no schema can. Nulls are left out: they remove a key of
// an earlier layer.
func (l layerValues) check(schema *schema) error {
	values := withoutNulls(l.values).(map[string]any)
	problems := each(schema.check(values))
	told := map[string]bool{}
	for _, problem := range problems {
		told[pathOf(problem)] = true
	}
	_, settingsErr := newSettings(values)
	_, resourcesErr := defaultResources(values)
	for _, problem := range each(errors.Join(checkUsers(values), checkMetadata(values), checkNamespace(values), resourcesErr, settingsErr)) {
		if !told[pathOf(problem)] {
			problems = append(problems, problem)
		}
	}
	return l.locate(errors.Join(problems...))
}

func pathOf(err error) string {
	var at *pathError
	if errors.As(err, &at) {
		return pathString(at.path)
	}
	return ""
}

// locate says of each problem where in the layer it is, from its first line to its last.
func (l layerValues) locate(err error) error {
	problems := each(err)
	line := func(problem error) int { return errorLine(l.text, problem) }
	slices.SortStableFunc(problems, func(a, b error) int { return line(a) - line(b) })
	for i, problem := range problems {
		position := Position{File: l.name, Line: line(problem)}
		var syntax *yamlError
		if errors.As(problem, &syntax) {
			problem = errors.New(syntax.reason) // its line is the position's
		}
		problems[i] = fmt.Errorf("values %s: %w", position, problem)
	}
	return errors.Join(problems...)
}

// checkNamespace checks the value `namespace`.
func checkNamespace(values map[string]any) error {
	name, set := values["namespace"].(string)
	if problems := validation.IsDNS1123Label(name); set && problems != nil {
		return under("namespace", fmt.Errorf("%q is no name of a Kubernetes namespace: %s", name, problems[0]))
	}
	return nil
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
