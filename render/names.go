package render

import (
	"maps"
	"path"
	"strings"

	"github.com/orchestra-ci/orchestra-k8s/sanitize"
)

// WorkloadName is the name of the workload of the task with this ID: a DNS label, so that the pod's hostname is whole.
func (s *Set) WorkloadName(taskID string) string { return s.workloadName(taskID, RoleTask) }

// SandboxName is the name of the pod of the sandbox with this ID.
func (s *Set) SandboxName(id string) string { return s.workloadName(id, RoleSandbox) }

// workloadName keeps the roles apart: a sandbox and a task may have the same ID.
func (s *Set) workloadName(id string, role Role) string {
	if role == RoleTask {
		return sanitize.Label(s.namespace, id)
	}
	return sanitize.Label(s.namespace, string(role), id)
}

// ClaimName is the name of the PersistentVolumeClaim of the volume.
func (s *Set) ClaimName(volume string) string { return sanitize.Label(s.namespace, volume) }

// VolumeSource is what the platform has put in the place of the volume's claim, as a pod's volume has it (value volumeSources); nil if
// nothing. The caller does not change it.
func (s *Set) VolumeSource(volume string) map[string]any {
	sources, _ := s.values["volumeSources"].(map[string]any)
	source, _ := sources[volume].(map[string]any)
	return source
}

// extraName is the name of the object that an extra file makes for a workload: `env.yaml` makes "{workload}-env", which
// pod.yaml refers to by `{{ .Name }}-env`.
func extraName(workload, file string) string {
	return workload + "-" + sanitize.Label(strings.TrimSuffix(file, path.Ext(file)))
}

// Selector selects every object of this Orchestra namespace. Labels are sanitized, so whoever deletes what it selects
// compares the raw annotation too.
func (s *Set) Selector() string {
	return KeyNamespace + "=" + sanitize.LabelValue(s.namespace)
}

// labels are the platform's, the driver's for every object, and the given ones.
func (s *Set) labels(own map[string]string) map[string]string {
	labels := maps.Clone(s.metadata.labels)
	labels[LabelManagedBy] = ManagedBy
	labels[KeyNamespace] = sanitize.LabelValue(s.namespace)
	maps.Copy(labels, own)
	return labels
}

// annotations are the platform's and the raw values behind the labels.
func (s *Set) annotations(own map[string]string) map[string]string {
	annotations := maps.Clone(s.metadata.annotations)
	annotations[KeyNamespace] = s.namespace
	maps.Copy(annotations, own)
	return annotations
}
