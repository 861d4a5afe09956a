package render

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Kinds that pod.yaml may render, and those that an extra file may not: they would run pods that nobody waits for.
var (
	podKind   = Kind{"v1", "Pod"}
	jobKind   = Kind{"batch/v1", "Job"}
	claimKind = Kind{"v1", "PersistentVolumeClaim"}

	runningKinds = []string{"Pod", "Job", "CronJob", "Deployment", "ReplicaSet", "ReplicationController", "StatefulSet", "DaemonSet", "PodTemplate"}
)

// ownWorkload makes the one object of pod.yaml the driver's, and checks all that the driver relies on.
func (d document) ownWorkload() error {
	at := []any{"spec"}
	kind, err := d.kind()
	switch {
	case err != nil:
	case kind == jobKind:
		at, err = []any{"spec", "template", "spec"}, d.ownPodTemplate()
	case kind != podKind:
		err = d.errorf([]any{"kind"}, "is %s %s; %s renders a v1 Pod or a batch/v1 Job", kind.APIVersion, kind.Kind, podFile)
		return errors.Join(err, d.own())
	}
	return errors.Join(err, d.own(), d.checkPod(at))
}

// ownPodTemplate labels the pods of a Job, so that they are found like any other.
func (d document) ownPodTemplate() error {
	at := []any{"spec", "template"}
	template, err := d.mapAt(at)
	if err != nil {
		return nil // checkPod says so
	}
	at = append(at, "metadata")
	if template["metadata"] == nil {
		template["metadata"] = map[string]any{}
	}
	metadata, ok := template["metadata"].(map[string]any)
	if !ok {
		return d.errorf(at, "is a %s, not a map of fields", kindName(template["metadata"]))
	}
	return d.setMetadata(at, metadata)
}

// mapAt returns the map of fields at a path.
func (d document) mapAt(path []any) (map[string]any, error) {
	var at any = d.object
	for i, step := range path {
		fields, _ := at.(map[string]any)
		next, ok := fields[step.(string)].(map[string]any)
		if !ok {
			return nil, d.errorf(path[:i+1], "is missing, or not a map of fields")
		}
		at = next
	}
	return at.(map[string]any), nil
}

// podSpec is the spec of the workload's pod and where it stands.
type podSpec struct {
	document
	at     []any
	fields map[string]any
}

// checkPod checks the spec of the workload's pod, which stands at this path.
func (d document) checkPod(at []any) error {
	fields, err := d.mapAt(at)
	if err != nil {
		return err
	}
	return podSpec{document: d, at: at, fields: fields}.check(d.data.Task)
}

func (p podSpec) path(steps ...any) []any { return append(slices.Clone(p.at), steps...) }

// items returns the maps in a list of the spec. What has another shape is no item; checkShape reports it.
func (p podSpec) items(field string) []map[string]any {
	list, _ := p.fields[field].([]any)
	items := make([]map[string]any, len(list))
	for i := range list {
		items[i], _ = list[i].(map[string]any)
	}
	return items
}

// checkShape refuses what is no list of maps.
func (p podSpec) checkShape(field string) error {
	raw := p.fields[field]
	list, ok := raw.([]any)
	if raw != nil && !ok {
		return p.errorf(p.path(field), "is a %s, not a list", kindName(raw))
	}
	var problems []error
	for i, item := range list {
		if _, ok := item.(map[string]any); !ok {
			problems = append(problems, p.errorf(p.path(field, i), "is a %s, not a map of fields", kindName(item)))
		}
	}
	return errors.Join(problems...)
}

// check refuses a pod that could not tell the truth about its task: one that restarts, that has no task container, or
// that leaves out what the task asked for and only the template can give.
func (p podSpec) check(task *TaskData) error {
	return errors.Join(p.checkRestartPolicy(), p.checkDuplicates(), p.checkTask(task))
}

func (p podSpec) checkRestartPolicy() error {
	if policy := p.fields["restartPolicy"]; policy != "Never" {
		return p.errorf(p.path("restartPolicy"), "is %q; write restartPolicy: Never, because a task runs once", fmt.Sprint(policy))
	}
	return nil
}

// checkTask finds the task's own container and checks it.
func (p podSpec) checkTask(task *TaskData) error {
	containers := p.items("containers")
	i := slices.IndexFunc(containers, func(c map[string]any) bool { return c["name"] == TaskContainer })
	if i < 0 {
		return p.errorf(p.path("containers"), "has no container named %q; that name is how the driver knows the task's own", TaskContainer)
	}
	container, at := containers[i], p.path("containers", i)
	return errors.Join(p.checkRunsOnce(container, at), p.checkStdin(container, at, task), p.checkMounts(container, at, task))
}

// checkRunsOnce refuses what would restart the task's container in a pod that does not restart (KEP-5307, container restart rules).
func (p podSpec) checkRunsOnce(container map[string]any, at []any) error {
	var problems []error
	for _, field := range []string{"restartPolicy", "restartPolicyRules"} {
		if _, set := container[field]; set {
			problems = append(problems, p.errorf(append(slices.Clone(at), field),
				"a container that restarts would run its task again; remove it and write restartPolicy: Never in the pod's spec only"))
		}
	}
	return errors.Join(problems...)
}

func (p podSpec) checkStdin(container map[string]any, at []any, task *TaskData) error {
	stdin, once := container["stdin"] == true, container["stdinOnce"] == true
	switch {
	case task.Stdin && (!stdin || !once):
		return p.errorf(at, "Task.Stdin is set, but the template drops it; write `stdin: true` and `stdinOnce: true` {{ if .Task.Stdin }}")
	case !task.Stdin && stdin:
		return p.errorf(append(at, "stdin"), "is true for a task without stdin, which would wait for ever; write it only {{ if .Task.Stdin }}")
	}
	return nil
}

// checkMounts looks for the claim of each of the task's mounts at its path.
func (p podSpec) checkMounts(container map[string]any, at []any, task *TaskData) error {
	claims := map[string]any{} // by volume name
	for _, volume := range p.items("volumes") {
		claim, _ := volume["persistentVolumeClaim"].(map[string]any)
		claims[textAt(volume, "name")] = claim["claimName"]
	}
	mounted, taken := map[string]any{}, map[string]bool{} // claim by path; whether anything is mounted there
	for list, key := range map[string]string{"volumeMounts": "mountPath", "volumeDevices": "devicePath"} {
		items, _ := container[list].([]any)
		for _, item := range items {
			item, _ := item.(map[string]any)
			path := textAt(item, key)
			mounted[path], taken[path] = claims[textAt(item, "name")], true
		}
	}
	var dropped []string
	for i, mount := range task.Mounts {
		platforms := mount.Source != nil && taken[mount.Path] // the platform's own volume is there
		if !platforms && mounted[mount.Path] != mount.ClaimName {
			dropped = append(dropped, fmt.Sprintf("Task.Mounts[%d] (claim %q at %q)", i, mount.ClaimName, mount.Path))
		}
	}
	if dropped == nil {
		return nil
	}
	return p.errorf(append(slices.Clone(at), "volumeMounts"), "the template drops %s; range over .Task.Mounts in volumes and volumeMounts", strings.Join(dropped, ", "))
}

// textAt is a string among fields of any type, or "".
func textAt(fields map[string]any, name string) string {
	text, _ := fields[name].(string)
	return text
}
