package render

import "reflect"

// mergeValues lays over on top of base and returns a new tree; neither argument is changed. Maps merge key by key, a null
// removes a key, and a list whose items the schema keys (x-kubernetes-list-map-keys, as in a CustomResourceDefinition)
// merges item by item, in the order of first appearance. Everything else is replaced.
func mergeValues(base, over map[string]any, keys listKeys) map[string]any {
	merged := make(map[string]any, len(base)+len(over))
	for name, value := range base {
		merged[name] = deepCopy(value)
	}
	for name, value := range over {
		if value == nil {
			delete(merged, name)
			continue
		}
		merged[name] = mergeValue(merged[name], value, keys.child(name))
	}
	return merged
}

func mergeValue(base, over any, keys listKeys) any {
	switch over := over.(type) {
	case map[string]any:
		baseMap, _ := base.(map[string]any)
		return mergeValues(baseMap, over, keys)
	case []any:
		if baseList, ok := base.([]any); ok && len(keys.of) > 0 {
			return mergeLists(baseList, over, keys)
		}
	}
	return deepCopy(over)
}

func mergeLists(base, over []any, keys listKeys) []any {
	merged := deepCopy(base).([]any)
	for _, item := range over {
		if at := keys.find(merged, item); at >= 0 {
			merged[at] = mergeValue(merged[at], item, keys.items())
			continue
		}
		merged = append(merged, deepCopy(item))
	}
	return merged
}

// listKeys walks the schema beside a tree of values and knows the keys of the list it stands at.
type listKeys struct {
	schema map[string]any
	of     []string
}

func newListKeys(schema map[string]any) listKeys {
	keys := listKeys{schema: schema}
	names, _ := schema["x-kubernetes-list-map-keys"].([]any)
	for _, name := range names {
		if name, ok := name.(string); ok {
			keys.of = append(keys.of, name)
		}
	}
	return keys
}

func (k listKeys) child(name string) listKeys {
	properties, _ := k.schema["properties"].(map[string]any)
	child, _ := properties[name].(map[string]any)
	return newListKeys(child)
}

func (k listKeys) items() listKeys {
	items, _ := k.schema["items"].(map[string]any)
	return newListKeys(items)
}

// find returns the index of the item with the same keys, or -1.
func (k listKeys) find(list []any, item any) int {
	want, ok := item.(map[string]any)
	if !ok {
		return -1
	}
	for i, candidate := range list {
		if have, ok := candidate.(map[string]any); ok && k.equal(have, want) {
			return i
		}
	}
	return -1
}

func (k listKeys) equal(a, b map[string]any) bool {
	for _, key := range k.of {
		if !reflect.DeepEqual(a[key], b[key]) {
			return false
		}
	}
	return true
}

// deepCopy copies a tree of maps, lists and scalars.
func deepCopy(value any) any {
	switch value := value.(type) {
	case map[string]any:
		copied := make(map[string]any, len(value))
		for name, item := range value {
			copied[name] = deepCopy(item)
		}
		return copied
	case []any:
		copied := make([]any, len(value))
		for i, item := range value {
			copied[i] = deepCopy(item)
		}
		return copied
	}
	return value
}
