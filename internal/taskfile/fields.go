package taskfile

import (
	"go.yaml.in/yaml/v3"

	"github.com/orchestra-ci/orchestra-k8s/internal/limits"
	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

func (r *reader) env(node *yaml.Node, task *orchestra.Task) {
	task.Env = map[string]string{}
	r.entries(node, func(key, value *yaml.Node) {
		var text string
		r.text(&text)(value)
		task.Env[key.Value] = text
	})
}

func (r *reader) mounts(node *yaml.Node, task *orchestra.Task) {
	if node.Kind != yaml.SequenceNode {
		r.problem(node, "want a list of mounts, such as [{name: cache, path: cache}], not %s", kindOf(node))
		return
	}
	for _, element := range node.Content {
		var mount orchestra.Mount
		r.mapping(resolve(element), map[string]field{"name": r.text(&mount.Name), "path": r.text(&mount.Path), "sizeGB": r.number(&mount.SizeGB)})
		task.Mounts = append(task.Mounts, mount)
	}
}

func (r *reader) limits(node *yaml.Node, to *orchestra.ContainerLimits) {
	r.mapping(node, map[string]field{
		"cpu":    r.quantity(&to.CPU, limits.CPUShares),
		"memory": r.quantity(&to.Memory, limits.Memory),
	})
}

func (r *reader) quantity(to *int64, parse func(string) (int64, error)) field {
	return func(value *yaml.Node) {
		var text string
		if r.text(&text)(value); text == "" {
			return
		}
		number, err := parse(text)
		if err != nil {
			r.problem(value, "%s", err)
		}
		*to = number
	}
}
