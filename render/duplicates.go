package render

import "fmt"

// checkDuplicates refuses lists with two items of the same key. The API server takes some of them in a POST, but answers
// 500 to them in a server-side apply (kubernetes#113482).
func (p podSpec) checkDuplicates() error {
	for _, field := range []string{"volumes", "imagePullSecrets", "hostAliases"} {
		items, err := p.list(field)
		if err != nil {
			return err
		}
		if err := p.unique(items, p.path(field), map[string]string{"hostAliases": "ip"}[field]); err != nil {
			return err
		}
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
			if err := p.uniqueIn(container, p.path(field, i)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p podSpec) uniqueIn(container map[string]any, at []any) error {
	for _, list := range []struct{ field, key string }{{"env", "name"}, {"volumeMounts", "mountPath"}, {"volumeDevices", "devicePath"}, {"ports", "containerPort"}} {
		inner := podSpec{document: p.document, at: at, fields: container}
		items, err := inner.list(list.field)
		if err != nil {
			return err
		}
		if err := p.unique(items, inner.path(list.field), list.key); err != nil {
			return err
		}
	}
	return nil
}

// unique checks one list. A port's key is its number and protocol together.
func (p podSpec) unique(items []map[string]any, at []any, key string) error {
	if key == "" {
		key = "name"
	}
	seen := map[string]int{}
	for i, item := range items {
		value := fmt.Sprint(item[key])
		if key == "containerPort" {
			protocol, ok := item["protocol"].(string)
			if !ok {
				protocol = "TCP"
			}
			value += "/" + protocol
		}
		if first, twice := seen[value]; twice {
			return p.errorf(append(at, i, key), "%q is in the list twice, as item %d too", value, first)
		}
		seen[value] = i
	}
	return nil
}
