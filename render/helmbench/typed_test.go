package helmbench

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
	"github.com/orchestra-ci/orchestra-k8s/render"
)

// typedPod fills the struct that a driver without templates would fill: the floor that templates are compared with. Names and labels are
// computed as for the templates; the digest is left out.
func typedPod(set *render.Set, task orchestra.Task) *corev1.Pod {
	name := set.WorkloadName(task.ID)
	dir := "/tmp/" + name
	no, grace := false, int64(10)
	pod := &corev1.Pod{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{
			Name: name, Namespace: set.KubeNamespace(),
			Labels:      map[string]string{render.LabelManagedBy: render.ManagedBy, render.KeyNamespace: "ci", render.KeyTask: name, render.KeyRole: "task"},
			Annotations: map[string]string{render.KeyNamespace: "ci", render.KeyTask: task.ID},
		},
		Spec: corev1.PodSpec{
			RestartPolicy: corev1.RestartPolicyNever, AutomountServiceAccountToken: &no, EnableServiceLinks: &no, TerminationGracePeriodSeconds: &grace,
			Volumes: []corev1.Volume{{Name: "work", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}},
		},
	}
	container := corev1.Container{
		Name: render.TaskContainer, Image: task.Image, Command: task.Command, WorkingDir: dir,
		Resources: corev1.ResourceRequirements{
			Limits:   corev1.ResourceList{"cpu": *resource.NewMilliQuantity(500, resource.DecimalSI), "memory": *resource.NewQuantity(1<<28, resource.DecimalSI)},
			Requests: corev1.ResourceList{"cpu": *resource.NewMilliQuantity(250, resource.DecimalSI), "memory": *resource.NewQuantity(1<<27, resource.DecimalSI)},
		},
		VolumeMounts: []corev1.VolumeMount{{Name: "work", MountPath: dir}},
	}
	for variable, value := range task.Env {
		container.Env = append(container.Env, corev1.EnvVar{Name: variable, Value: value})
	}
	for _, mount := range task.Mounts {
		claim := &corev1.PersistentVolumeClaimVolumeSource{ClaimName: set.ClaimName(mount.Name)}
		pod.Spec.Volumes = append(pod.Spec.Volumes, corev1.Volume{Name: mount.Name, VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: claim}})
		container.VolumeMounts = append(container.VolumeMounts, corev1.VolumeMount{Name: mount.Name, MountPath: dir + "/" + mount.Path})
	}
	pod.Spec.Containers = []corev1.Container{container}
	return pod
}
