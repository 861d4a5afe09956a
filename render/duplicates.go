package render

import (
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
	if err := p.checkLists(podLists); err != nil {
		return err
	}
	names := map[any]string{}
	for _, field := range []string{"initContainers", "containers"} {
		containers, err := p.list(field)
		if err != nil {
			return err
		}
		for i, container := range containers {
			if other, twice := names[container["name"]]; twice {
				return p.errorf(p.path(field, i, "name"), "%q is the name of %s too", fmt.Sprint(container["name"]), other)
			}
			names[container["name"]] = fmt.Sprintf("%s[%d]", field, i)
			inner := podSpec{document: p.document, at: p.path(field, i), fields: container}
			if err := inner.checkLists(containerLists); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p podSpec) checkLists(lists []keyedList) error {
	for _, list := range lists {
		items, err := p.list(list.field)
		if err != nil {
			return err
		}
		seen := make(map[string]int, len(items))
		for i, item := range items {
			key := list.key(item)
			if first, twice := seen[key]; twice {
				return p.errorf(p.path(list.field, i, list.keys[0]), "%q is in the list twice, as item %d too", key, first)
			}
			seen[key] = i
		}
	}
	return nil
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
