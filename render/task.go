package render

import (
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
	"github.com/orchestra-ci/orchestra-k8s/sanitize"
)

// taskData turns a valid task into what templates see.
func (s *Set) taskData(task orchestra.Task, role Role) (*Data, error) {
	uid, gid, err := s.user(task.User)
	if err != nil {
		return nil, err
	}
	name := s.workloadName(task.ID, role)
	dir := taskDir(name)
	data := &Data{
		Name:        name,
		Namespace:   s.kubeNamespace,
		Labels:      s.labels(map[string]string{KeyTask: sanitize.LabelValue(s.namespace, task.ID), KeyRole: string(role)}),
		Annotations: s.annotations(map[string]string{KeyTask: task.ID}),
		Role:        string(role),
		Values:      s.values,
		Task: &TaskData{
			ID:         task.ID,
			Image:      task.Image,
			Command:    escapeAll(task.Command),
			Mounts:     s.mountData(task.Mounts, dir),
			Dir:        dir,
			WorkDir:    inside(dir, task.WorkDir),
			Stdin:      task.Stdin != nil,
			Privileged: task.Privileged,
			UID:        uid,
			GID:        gid,
		},
		Resources: s.resources(task.ContainerLimits),
	}
	for _, variable := range slices.Sorted(maps.Keys(task.Env)) {
		value := task.Env[variable]
		data.Task.Env = append(data.Task.Env, EnvData{Name: variable, Value: escape(value), Literal: value})
		data.Task.EnvNames = append(data.Task.EnvNames, variable)
	}
	if data.Task.Stdin {
		data.Annotations[AnnotationStdin] = StdinPending
	}
	data.found, err = inspect(data)
	return data, err
}

func (s *Set) mountData(mounts orchestra.Mounts, dir string) []MountData {
	var list []MountData
	for _, mount := range mounts {
		list = append(list, MountData{
			Name:      sanitize.Label("volume", mount.Name),
			ClaimName: s.ClaimName(mount.Name),
			Path:      path.Join(dir, mount.Target()),
			Source:    s.VolumeSource(mount.Name),
		})
	}
	return list
}

// taskDir is where a workload's relative paths and mounts lie.
func taskDir(workload string) string { return "/tmp/" + workload }

// WorkDir makes a working directory of a workload absolute: a relative one lies beside its mounts.
func WorkDir(workload, workDir string) string { return inside(taskDir(workload), workDir) }

// inside makes a working directory absolute: a relative one lies in dir.
func inside(dir, workDir string) string {
	if path.IsAbs(workDir) {
		return path.Clean(workDir)
	}
	return path.Join(dir, workDir)
}

// escape doubles every "$": the kubelet expands $(NAME) in command, args and env values and turns "$$" into "$"
// (k8s.io/kubernetes third_party/forked/golang/expansion). Doubling all of them keeps every string as it is.
func escape(text string) string { return strings.ReplaceAll(text, "$", "$$") }

func escapeAll(texts []string) []string {
	var escaped []string
	for _, text := range texts {
		escaped = append(escaped, escape(text))
	}
	return escaped
}
