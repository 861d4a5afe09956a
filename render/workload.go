package render

import (
	"fmt"
	"slices"
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
	kind, err := d.kind()
	if err != nil {
		return err
	}
	if kind != podKind && kind != jobKind {
		return d.errorf([]any{"kind"}, "is %s %s; %s renders a v1 Pod or a batch/v1 Job", kind.APIVersion, kind.Kind, podFile)
	}
	if err := d.own(); err != nil {
		return err
	}
	at := []any{"spec"}
	if kind == jobKind {
		if at, err = d.ownPodTemplate(); err != nil {
			return err
		}
	}
	pod, err := d.podSpec(at)
	if err != nil {
		return err
	}
	return pod.check(d.data.Task)
}

// ownPodTemplate labels the pods of a Job, so that they are found like any other, and returns the path of their spec.
func (d document) ownPodTemplate() ([]any, error) {
	at := []any{"spec", "template"}
	template, err := d.mapAt(at)
	if err != nil {
		return nil, err
	}
	if template["metadata"] == nil {
		template["metadata"] = map[string]any{}
	}
	metadata, ok := template["metadata"].(map[string]any)
	if !ok {
		return nil, d.errorf(append(at, "metadata"), "is a %s, not a map of fields", kindName(template["metadata"]))
	}
	for field, own := range map[string]map[string]string{"labels": d.data.Labels, "annotations": d.data.Annotations} {
		if err := d.setStrings(append(slices.Clone(at), "metadata", field), metadata, field, own); err != nil {
			return nil, err
		}
	}
	return append(at, "spec"), nil
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

func (d document) podSpec(at []any) (podSpec, error) {
	fields, err := d.mapAt(at)
	return podSpec{document: d, at: at, fields: fields}, err
}

func (p podSpec) path(steps ...any) []any { return append(slices.Clone(p.at), steps...) }

// list returns the maps in a list of the spec.
func (p podSpec) list(field string) ([]map[string]any, error) {
	raw, set := p.fields[field]
	if !set || raw == nil {
		return nil, nil
	}
	items, ok := raw.([]any)
	if !ok {
		return nil, p.errorf(p.path(field), "is a %s, not a list", kindName(raw))
	}
	maps := make([]map[string]any, len(items))
	for i, item := range items {
		if maps[i], ok = item.(map[string]any); !ok {
			return nil, p.errorf(p.path(field, i), "is a %s, not a map of fields", kindName(item))
		}
	}
	return maps, nil
}

// check refuses a pod that could not tell the truth about its task: one that restarts, that has no task container, or
// that leaves out what the task asked for and only the template can give.
func (p podSpec) check(task *TaskData) error {
	if policy := p.fields["restartPolicy"]; policy != "Never" {
		return p.errorf(p.path("restartPolicy"), "is %q; write restartPolicy: Never, because a task runs once", fmt.Sprint(policy))
	}
	containers, err := p.list("containers")
	if err != nil {
		return err
	}
	at := slices.IndexFunc(containers, func(c map[string]any) bool { return c["name"] == TaskContainer })
	if at < 0 {
		return p.errorf(p.path("containers"), "has no container named %q; that name is how the driver knows the task's own", TaskContainer)
	}
	if err := p.checkRunsOnce(containers[at], p.path("containers", at)); err != nil {
		return err
	}
	if err := p.checkDuplicates(); err != nil {
		return err
	}
	if err := p.checkStdin(containers[at], p.path("containers", at), task); err != nil {
		return err
	}
	return p.checkMounts(containers[at], p.path("containers", at), task)
}

// checkRunsOnce refuses what would restart the task's container in a pod that does not restart (KEP-5307, container restart rules).
func (p podSpec) checkRunsOnce(container map[string]any, at []any) error {
	for _, field := range []string{"restartPolicy", "restartPolicyRules"} {
		if _, set := container[field]; set {
			return p.errorf(append(at, field), "a container that restarts would run its task again; remove it and write restartPolicy: Never in the pod's spec only")
		}
	}
	return nil
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

func (p podSpec) checkMounts(container map[string]any, at []any, task *TaskData) error {
	volumes, err := p.list("volumes")
	if err != nil {
		return err
	}
	claims := map[any]any{} // by volume name
	for _, volume := range volumes {
		claim, _ := volume["persistentVolumeClaim"].(map[string]any)
		claims[volume["name"]] = claim["claimName"]
	}
	mounted, taken := map[any]any{}, map[any]bool{} // claim by path; whether anything is mounted there
	for list, key := range map[string]string{"volumeMounts": "mountPath", "volumeDevices": "devicePath"} {
		items, _ := container[list].([]any)
		for _, item := range items {
			item, _ := item.(map[string]any)
			mounted[item[key]], taken[item[key]] = claims[item["name"]], true
		}
	}
	for i, mount := range task.Mounts {
		if mount.Source != nil && taken[mount.Path] { // the platform's own volume
			continue
		}
		if mounted[mount.Path] != mount.ClaimName {
			return p.errorf(append(at, "volumeMounts"), "Task.Mounts[%d]: the claim %q is not mounted at %q; the template drops it: range over .Task.Mounts in volumes and volumeMounts",
				i, mount.ClaimName, mount.Path)
		}
	}
	return nil
}
