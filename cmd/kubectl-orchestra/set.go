package main

import (
	"errors"
	"fmt"
	"strings"

	"sigs.k8s.io/yaml"
)

// parseSet reads --set PATH=VALUE. Dots in the path lead into maps, and "\." is a dot of a key (a label's name has some); the value is YAML.
func parseSet(settings []string) (map[string]any, error) {
	values := map[string]any{}
	var problems []error
	for _, setting := range settings {
		path, text, found := strings.Cut(setting, "=")
		if !found || path == "" {
			problems = append(problems, fmt.Errorf("flag --set %q: want PATH=VALUE, such as nodeSelector.disk=ssd", setting))
			continue
		}
		var value any
		if err := yaml.Unmarshal([]byte(text), &value); err != nil {
			problems = append(problems, fmt.Errorf("flag --set %q: the value is no YAML: %w", setting, err))
			continue
		}
		if err := put(values, splitPath(path), value); err != nil {
			problems = append(problems, fmt.Errorf("flag --set %q: %w", setting, err))
		}
	}
	return values, errors.Join(problems...)
}

// splitPath splits at dots that no backslash precedes.
func splitPath(path string) []string {
	const dot = "\x00"
	keys := strings.Split(strings.ReplaceAll(path, `\.`, dot), ".")
	for i := range keys {
		keys[i] = strings.ReplaceAll(keys[i], dot, ".")
	}
	return keys
}

func put(values map[string]any, path []string, value any) error {
	key := path[0]
	if key == "" {
		return errors.New("the path has an empty part")
	}
	if len(path) == 1 {
		values[key] = value
		return nil
	}
	inner, ok := values[key].(map[string]any)
	if !ok && values[key] != nil {
		return fmt.Errorf("%q was set to something that has no fields", key)
	}
	if !ok {
		inner = map[string]any{}
		values[key] = inner
	}
	return put(inner, path[1:], value)
}
