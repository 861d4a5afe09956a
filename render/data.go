package render

import (
	"fmt"
	"maps"
	"slices"
	"strings"
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
	Node        string            // where a copy has to run, because the volume is in use there; "": anywhere
	Values      map[string]any    // values.yaml of all layers and Config.Values
	Task        *TaskData         // the task; nil in pvc.yaml and namespace.yaml
	Resources   ResourceData      // of the task's container
	Volume      *VolumeData       // the volume; only in pvc.yaml

	found *inspection // what proveSafe needs to know of the strings
}

// TaskData is the task. In Command and in Env's values every "$" is doubled, because Kubernetes would expand $(NAME) where a
// task means it literally.
type TaskData struct {
	ID         string      // Orchestra's, which may be any string
	Image      string      // as the task has it
	Command    []string    // empty: the image's own
	Env        []EnvData   // sorted by name
	EnvNames   []string    // of Env
	Mounts     []MountData // the volumes that must be mounted
	Dir        string      // /tmp/{pod-name}: where relative paths and mounts lie
	WorkDir    string      // absolute; Dir unless the task says otherwise
	Stdin      bool        // whether the task is given stdin
	Privileged bool        // whether the task asks for a privileged container
	UID, GID   *int64      // nil: not set
}

// EnvData is one environment variable; a task's are sorted by name.
type EnvData struct {
	Name    string // a variable's name
	Value   string // for `value:` of a container's env
	Literal string // as the task has it, for a Secret or a file
}

// MountData is one mounted volume.
type MountData struct {
	Name      string         // of the volume in the pod
	ClaimName string         // of the PersistentVolumeClaim
	Path      string         // absolute
	Source    map[string]any // what the platform has put in the place of the claim (value volumeSources); nil: nothing
}

// ResourceData holds quantities by resource name.
type ResourceData struct {
	Limits   map[string]string // the task's own, and the value resources for what it does not limit
	Requests map[string]string // likewise; the value requestsPercent of the task's own limits
}

// VolumeData is the volume that a claim is for.
type VolumeData struct {
	Name string // Orchestra's name of it
	Size string // quantity
}

// clone copies everything that untrusted reaches.
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

const (
	envField   = "Task.Env"
	wholeField = "Task"
)

// field names a field of a task for an error. It is a value, not yet a text, because errors are rare.
type field struct {
	name  string
	index int    // of a list; -1: none
	key   string // of a map
}

// is tells whether both are the same field, whatever name a variable has in them.
func (f field) is(other field) bool { return f.name == other.name && f.index == other.index }

func (f field) String() string {
	switch {
	case f.key != "":
		return fmt.Sprintf("%s[%q]", f.name, f.key)
	case f.index < 0:
		return f.name
	}
	before, after, _ := strings.Cut(f.name, "[]")
	return fmt.Sprintf("%s[%d]%s", before, f.index, after)
}

// untrusted calls visit with every string that stems from a task, and the field that it stems from.
func (d *Data) untrusted(visit func(from field, text *string)) {
	id := field{name: "Task.ID", index: -1}
	if d.Volume != nil {
		id.name = "Volume.Name"
		visit(id, &d.Volume.Name)
	}
	visit(id, &d.Name)
	visitMap(d.Labels, id, visit)
	visitMap(d.Annotations, id, visit)
	if d.Task == nil {
		return
	}
	visit(id, &d.Task.ID)
	visit(id, &d.Task.Dir)
	visit(field{name: "Task.Image", index: -1}, &d.Task.Image)
	visit(field{name: "Task.WorkDir", index: -1}, &d.Task.WorkDir)
	for i := range d.Task.Command {
		visit(field{name: "Task.Command[]", index: i}, &d.Task.Command[i])
	}
	for i := range d.Task.Env {
		env := &d.Task.Env[i]
		from := field{name: envField, key: d.Task.EnvNames[i], index: i}
		for _, text := range []*string{&env.Name, &env.Value, &env.Literal, &d.Task.EnvNames[i]} {
			visit(from, text)
		}
	}
	for i := range d.Task.Mounts {
		mount := &d.Task.Mounts[i]
		visit(field{name: "Task.Mounts[].Name", index: i}, &mount.Name)
		visit(field{name: "Task.Mounts[].Name", index: i}, &mount.ClaimName)
		visit(field{name: "Task.Mounts[].Path", index: i}, &mount.Path)
	}
}

// visitMap visits the values, in any order; the keys are the driver's own or the platform's.
func visitMap(texts map[string]string, from field, visit func(from field, text *string)) {
	for key, text := range texts {
		before := text
		if visit(from, &text); text != before {
			texts[key] = text
		}
	}
}
