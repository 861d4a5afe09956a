package render

import (
	"fmt"
	"maps"
	"slices"
)

// Data is all that a template sees. It holds nothing live: the same Data gives the same bytes.
//
// Values is an open map: read keys that may be missing with `index`, `hasKey` or `dig`. Everything else is a struct, in
// which an unknown field is an error.
type Data struct {
	Name        string            // of the object: metadata.name
	Namespace   string            // of the object: metadata.namespace, the Kubernetes namespace
	Labels      map[string]string // of the object
	Annotations map[string]string // of the object
	Role        string            // "task", "sandbox" or "copy"
	Values      map[string]any    // values.yaml of all layers and Config.Values
	Task        *TaskData         // nil in pvc.yaml and namespace.yaml
	Resources   ResourceData
	Volume      *VolumeData // only in pvc.yaml
}

// TaskData is the task. In Command and in Env's values every "$" is doubled, because Kubernetes would expand $(NAME) where a
// task means it literally.
type TaskData struct {
	ID         string
	Image      string
	Command    []string // empty: the image's own
	Env        []EnvData
	EnvNames   []string // of Env
	Mounts     []MountData
	Dir        string // /tmp/{pod-name}: where relative paths and mounts lie
	WorkDir    string // absolute; Dir unless the task says otherwise
	Stdin      bool
	Privileged bool
	UID, GID   *int64 // nil: not set
}

// EnvData is one environment variable; a task's are sorted by name.
type EnvData struct {
	Name    string
	Value   string // for `value:` of a container's env
	Literal string // as the task has it, for a Secret or a file
}

// MountData is one mounted volume.
type MountData struct {
	Name      string // of the volume in the pod
	ClaimName string
	Path      string // absolute
}

// ResourceData holds quantities by resource name.
type ResourceData struct {
	Limits   map[string]string
	Requests map[string]string
}

// VolumeData is the volume that a claim is for.
type VolumeData struct {
	Name string // Orchestra's name of it
	Size string // quantity
}

// clone copies everything that strings reaches.
func (d *Data) clone() *Data {
	c := *d
	c.Labels, c.Annotations = maps.Clone(d.Labels), maps.Clone(d.Annotations)
	if d.Task != nil {
		task := *d.Task
		task.Command, task.EnvNames = slices.Clone(task.Command), slices.Clone(task.EnvNames)
		task.Env, task.Mounts = slices.Clone(task.Env), slices.Clone(task.Mounts)
		c.Task = &task
	}
	if d.Volume != nil {
		volume := *d.Volume
		c.Volume = &volume
	}
	return &c
}

// untrusted calls visit with every string that stems from a task, and the field that an error would name.
func (d *Data) untrusted(visit func(field string, text *string)) {
	visit("Task.ID", &d.Name)
	visitMap(d.Labels, visit)
	visitMap(d.Annotations, visit)
	if d.Volume != nil {
		visit("Volume.Name", &d.Volume.Name)
	}
	if d.Task == nil {
		return
	}
	visit("Task.ID", &d.Task.ID)
	visit("Task.Image", &d.Task.Image)
	visit("Task.ID", &d.Task.Dir)
	visit("Task.WorkDir", &d.Task.WorkDir)
	for i := range d.Task.Command {
		visit(fmt.Sprintf("Task.Command[%d]", i), &d.Task.Command[i])
	}
	for i := range d.Task.Env {
		env := &d.Task.Env[i]
		field := fmt.Sprintf("Task.Env[%q]", env.Name)
		visit(field, &env.Name)
		visit(field, &env.Value)
		visit(field, &env.Literal)
		visit(field, &d.Task.EnvNames[i])
	}
	for i := range d.Task.Mounts {
		mount := &d.Task.Mounts[i]
		visit(fmt.Sprintf("Task.Mounts[%d].Name", i), &mount.Name)
		visit(fmt.Sprintf("Task.Mounts[%d].Name", i), &mount.ClaimName)
		visit(fmt.Sprintf("Task.Mounts[%d].Path", i), &mount.Path)
	}
}

// visitMap visits the values; the keys are the driver's own or the platform's.
func visitMap(texts map[string]string, visit func(field string, text *string)) {
	for _, key := range slices.Sorted(maps.Keys(texts)) {
		text := texts[key]
		visit("Task.ID", &text)
		texts[key] = text
	}
}
