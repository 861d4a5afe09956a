package driver

import (
	"fmt"
	"maps"
	"reflect"
	"slices"

	"k8s.io/apimachinery/pkg/api/resource"
)

// differences lists the paths at which live does not hold what wanted holds. What only live has is no difference: the
// server adds defaults, and the cluster its status. Only paths are listed, as values may be secrets.
func differences(wanted, live any, at string) []string {
	switch wanted := wanted.(type) {
	case map[string]any:
		live, _ := live.(map[string]any)
		var paths []string
		for _, key := range slices.Sorted(maps.Keys(wanted)) {
			paths = append(paths, differences(wanted[key], live[key], at+"."+key)...)
		}
		return paths
	case []any:
		live, _ := live.([]any)
		return listDifferences(wanted, live, at)
	}
	if sameScalar(wanted, live) {
		return nil
	}
	return []string{at}
}

// listDifferences compares lists of maps by the elements' names, else by position. Live ones may be longer, as admission adds
// elements of its own: a volume with a token, a sidecar, tolerations. Lists of scalars, such as a command, it leaves alone.
func listDifferences(wanted, live []any, at string) []string {
	if len(wanted) != len(live) && !holdsMaps(wanted) {
		return []string{at}
	}
	byName := map[string]any{}
	for _, element := range live {
		if name := nameOf(element); name != "" {
			byName[name] = element
		}
	}
	var paths []string
	for i, element := range wanted {
		var counterpart any
		where := fmt.Sprintf("%s[%d]", at, i)
		if name := nameOf(element); name != "" {
			counterpart = byName[name]
			where = fmt.Sprintf("%s[%s]", at, name)
		} else if i < len(live) {
			counterpart = live[i]
		}
		paths = append(paths, differences(element, counterpart, where)...)
	}
	return paths
}

func holdsMaps(list []any) bool {
	if len(list) == 0 {
		return false
	}
	_, maps := list[0].(map[string]any)
	return maps
}

// nameOf is "" for what has no name.
func nameOf(element any) string {
	fields, _ := element.(map[string]any)
	name, _ := fields["name"].(string)
	return name
}

// sameScalar compares numbers by value, whatever Go type holds them, and quantities by what they mean: the server writes
// "1000m" as "1". It leaves out zero values.
func sameScalar(wanted, live any) bool {
	if live == nil {
		return wanted == nil || reflect.ValueOf(wanted).IsZero()
	}
	if wanted == live || fmt.Sprint(wanted) == fmt.Sprint(live) {
		return true
	}
	one, err := resource.ParseQuantity(fmt.Sprint(wanted))
	if err != nil {
		return false
	}
	other, err := resource.ParseQuantity(fmt.Sprint(live))
	return err == nil && one.Cmp(other) == 0
}
