package render

import (
	"errors"
	"fmt"
	"strings"
)

// keyedList is a list that a server-side apply merges by keys (x-kubernetes-list-map-keys in the API's own schema).
type keyedList struct {
	field string
	keys  []string
}

var (
	podLists = []keyedList{
		{"volumes", []string{"name"}}, {"imagePullSecrets", []string{"name"}}, {"hostAliases", []string{"ip"}},
		{"topologySpreadConstraints", []string{"topologyKey", "whenUnsatisfiable"}},
		{"schedulingGates", []string{"name"}}, {"resourceClaims", []string{"name"}},
	}
	containerLists = []keyedList{
		{"env", []string{"name"}}, {"volumeMounts", []string{"mountPath"}}, {"volumeDevices", []string{"devicePath"}},
		{"ports", []string{"containerPort", "protocol"}},
	}
	keyDefaults = map[string]any{"protocol": "TCP"}
)

// checkDuplicates refuses lists with two items of the same keys. The API server takes some of them in a POST, but answers
// 500 to them in a server-side apply (kubernetes#113482).
func (p podSpec) checkDuplicates() error {
	problems := []error{p.checkLists(podLists)}
	names := map[string]string{}
	for _, field := range []string{"initContainers", "containers"} {
		problems = append(problems, p.checkShape(field))
		for i, container := range p.items(field) {
			name := fmt.Sprint(container["name"])
			if other, twice := names[name]; twice && container != nil {
				problems = append(problems, p.errorf(p.path(field, i, "name"), "%q is the name of %s too", name, other))
			}
			names[name] = fmt.Sprintf("%s[%d]", field, i)
			inner := podSpec{document: p.document, at: p.path(field, i), fields: container}
			problems = append(problems, inner.checkLists(containerLists))
		}
	}
	return errors.Join(problems...)
}

func (p podSpec) checkLists(lists []keyedList) error {
	var problems []error
	for _, list := range lists {
		problems = append(problems, p.checkShape(list.field), p.checkKeys(list))
	}
	return errors.Join(problems...)
}

func (p podSpec) checkKeys(list keyedList) error {
	var problems []error
	items := p.items(list.field)
	seen := make(map[string]int, len(items))
	for i, item := range items {
		key := list.key(item)
		if first, twice := seen[key]; twice && item != nil {
			problems = append(problems, p.errorf(p.path(list.field, i, list.keys[0]), "%q is in the list twice, as item %d too", key, first))
		}
		seen[key] = i
	}
	return errors.Join(problems...)
}

// key joins the keys' values.
func (l keyedList) key(item map[string]any) string {
	values := make([]string, len(l.keys))
	for i, key := range l.keys {
		value := item[key]
		if value == nil {
			value = keyDefaults[key]
		}
		text, ok := value.(string)
		if !ok {
			text = fmt.Sprint(value)
		}
		values[i] = text
	}
	return strings.Join(values, "/")
}
