package driver

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/orchestra-ci/orchestra-k8s/render"
)

// AnnotationFailed on a pod or a Job is the verdict of a deadline: "Reason: message". Whatever the pod does afterwards, the task
// has failed.
const AnnotationFailed = "orchestra.failed"

// statusOf is the truth about the task of one pod, read from the pod alone: no clock, no request, no memory. Only what the
// kubelet reports of the container named "task" can be a success. The order of the questions is the precedence of the causes.
func statusOf(pod *corev1.Pod) status {
	if failed, ok := failedMark(pod.Annotations); ok {
		return failed
	}
	task := taskContainer(pod)
	if task != nil && task.State.Terminated != nil {
		return terminatedStatus(pod, task.State.Terminated)
	}
	if failed, ok := failedInit(pod); ok {
		return failed
	}
	if pod.Status.Phase == corev1.PodFailed || pod.Status.Phase == corev1.PodSucceeded {
		return phaseStatus(pod)
	}
	if pod.DeletionTimestamp != nil {
		return underWay(ReasonStopping, stoppingWords(interruption(pod)))
	}
	if task != nil && task.State.Running != nil {
		return underWay(ReasonRunning, "")
	}
	return waitingStatus(pod)
}

// stoppingWords say that a pod is being deleted, and why, if anybody has said why.
func stoppingWords(why cause) string {
	const words = "The pod is being deleted"
	if why.words == wordsDeleted {
		return words
	}
	return sentences(words, why.words)
}

// failedMark reads AnnotationFailed.
func failedMark(annotations map[string]string) (status, bool) {
	mark, ok := annotations[AnnotationFailed]
	if !ok {
		return status{}, false
	}
	reason, message, _ := strings.Cut(quote(mark), ": ")
	return status{done: true, exitCode: exitNone, reason: reason, message: message}, true
}

// mark is the value of AnnotationFailed that failedMark reads.
func (s status) mark() string { return s.reason + ": " + s.message }

// taskContainer is what the kubelet reports of the task's container; nil if it has not reported yet.
func taskContainer(pod *corev1.Pod) *corev1.ContainerStatus {
	for i := range pod.Status.ContainerStatuses {
		if pod.Status.ContainerStatuses[i].Name == render.TaskContainer {
			return &pod.Status.ContainerStatuses[i]
		}
	}
	return nil
}

// phaseStatus is for a pod that has ended without its task's container having run: the kubelet refused the pod, or the
// control plane gave it up.
func phaseStatus(pod *corev1.Pod) status {
	if cause := interruption(pod); cause.reason != "" {
		return ended(cause.reason, exitNone, cause.words)
	}
	words := fmt.Sprintf("The pod's phase is %s, and nothing is known of its task's container", pod.Status.Phase)
	if pod.Status.Reason != "" {
		// Whatever else a kubelet's admission may say (pkg/kubelet/lifecycle): no container has been started.
		return ended(ReasonNodeRejected, exitNone, said(pod.Status.Reason, pod.Status.Message))
	}
	return ended(ReasonUnknown, exitNone, words)
}

// failedInit is for a pod whose init container has failed. With restartPolicy Never that is the end of it. Sidecars
// (restartPolicy Always of their own) may fail and be started again.
func failedInit(pod *corev1.Pod) (status, bool) {
	for i := range pod.Status.InitContainerStatuses {
		init := &pod.Status.InitContainerStatuses[i]
		end := init.State.Terminated
		if end == nil || end.ExitCode == 0 || isSidecar(pod, init.Name) {
			continue
		}
		if cause := interruption(pod); cause.before(end) {
			return ended(cause.reason, exitNone, cause.words), true
		}
		words := fmt.Sprintf("The init container %q ended with exit code %d (%s)", init.Name, end.ExitCode, end.Reason)
		if said := quote(end.Message); said != "" {
			words = sentences(words, "It said: "+said)
		}
		return ended(ReasonInitContainerFailed, exitNone, words), true
	}
	return status{}, false
}

func isSidecar(pod *corev1.Pod, name string) bool {
	for i := range pod.Spec.InitContainers {
		if init := &pod.Spec.InitContainers[i]; init.Name == name {
			return init.RestartPolicy != nil && *init.RestartPolicy == corev1.ContainerRestartPolicyAlways
		}
	}
	return false
}
