package driver

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/orchestra-ci/orchestra-k8s/render"
)

// terminatedStatus is for a pod whose task container has ended, by itself or not.
func terminatedStatus(pod *corev1.Pod, end *corev1.ContainerStateTerminated) status {
	exitCode := int(end.ExitCode)
	if invented(end) {
		if cause := interruption(pod); cause.reason != "" {
			return ended(cause.reason, exitNone, cause.words)
		}
		return ended(ReasonUnknown, exitNone, said(end.Reason, end.Message))
	}
	if end.Reason == ReasonOOMKilled {
		return oomKilled(pod, end)
	}
	if cause := interruptionOf(pod, end); cause.before(end) {
		return broken(cause.reason, exitCode, sentences(cause.words, lastWords(end)))
	}
	if isStartReason(end.Reason) {
		return notStarted(end)
	}
	if exitCode != 0 {
		return exited(pod, end)
	}
	undecided, problem := stdinVerdict(pod.Annotations[AnnotationStdin])
	switch {
	case undecided:
		return underWay(ReasonStdinOpen, "The task ended with exit code 0 while its stdin was being sent")
	case problem != "":
		return ended(ReasonStdinIncomplete, exitNone, "The task ended with exit code 0, but its stdin was cut: "+quote(problem))
	}
	return status{done: true, reason: ReasonCompleted}
}

// exited is for a container that has ended with an exit code of its own. One that waits for commands has no log to read.
func exited(pod *corev1.Pod, end *corev1.ContainerStateTerminated) status {
	code := int(end.ExitCode)
	if role := roleOf(pod); role == render.RoleSandbox || role == render.RoleCopy {
		words := fmt.Sprintf("The process that waited for commands ended with exit code %d%s", code, signalOf(end))
		return status{done: true, exitCode: code, reason: ReasonError, message: sentences(words, lastWords(end), killedHint(code, role))}
	}
	return ended(ReasonError, code, sentences(fmt.Sprintf("The task ended with exit code %d%s", code, signalOf(end)), lastWords(end)))
}

func roleOf(pod *corev1.Pod) render.Role { return render.Role(pod.Labels[render.KeyRole]) }

// killedHint is for the exit code of what was killed, by whomever.
func killedHint(code int, role render.Role) string {
	if code != exitKilled {
		return ""
	}
	return "If it was killed for want of memory, raise " + memoryLimit(role) + "."
}

// memoryLimit is what limits the memory of a pod of a role.
func memoryLimit(role render.Role) string {
	if role == render.RoleCopy {
		return "the value helper.resources.limits.memory"
	}
	return "Task.ContainerLimits.Memory"
}

// invented reports whether nobody saw the container end, so that its exit code means nothing: the kubelet writes 137 with
// ContainerStatusUnknown (pkg/kubelet/kubelet_pods.go), containerd writes 255 with Unknown after it lost the task.
func invented(end *corev1.ContainerStateTerminated) bool {
	return end.Reason == "ContainerStatusUnknown" || end.Reason == "Unknown"
}

// oomKilled holds also when the kernel killed a child and the task itself ended with 0 (kubernetes#131530).
func oomKilled(pod *corev1.Pod, end *corev1.ContainerStateTerminated) status {
	exitCode := int(end.ExitCode)
	words := fmt.Sprintf("The task was out of memory and ended with exit code %d", exitCode)
	if exitCode == 0 {
		exitCode = exitKilled
		words = "A process of the task was killed for want of memory, though the task itself ended with exit code 0"
	}
	if role := roleOf(pod); role == render.RoleCopy {
		words = "The helper was out of memory"
		return status{done: true, exitCode: exitCode, reason: ReasonOOMKilled, message: sentences(words, "Raise "+memoryLimit(role))}
	}
	return ended(ReasonOOMKilled, exitCode, sentences(words, lastWords(end)))
}

// isStartReason: containerd says StartError with exit code 128, Docker's shim ContainerCannotRun with 126 or 127.
func isStartReason(reason string) bool {
	return reason == "StartError" || reason == "ContainerCannotRun"
}

// notStarted finds the cause in the words of runc, crun or the runtime above them.
func notStarted(end *corev1.ContainerStateTerminated) status {
	words := said(end.Reason, end.Message)
	reason := startReason(end.Message)
	switch reason {
	case ReasonCommandNotFound:
		return ended(reason, exitNotFound, words)
	case ReasonCommandNotExecutable:
		return ended(reason, exitNotExecutable, words)
	}
	return ended(reason, exitNone, words)
}

// startReason tells apart why a container's first process could not be started.
func startReason(message string) string {
	switch {
	case containsAny(message, "executable file not found", "exec: \"", "exec `") && containsAny(message, "not found", "no such file or directory"):
		return ReasonCommandNotFound
	case containsAny(message, "exec") && containsAny(message, "permission denied", "exec format error", "is a directory"):
		return ReasonCommandNotExecutable
	}
	return ReasonStartFailed
}

// lastWords is the container's termination message: what the task wrote to terminationMessagePath, or the end of its log where
// the template asks for FallbackToLogsOnError.
func lastWords(end *corev1.ContainerStateTerminated) string {
	if said := quote(end.Message); said != "" {
		return "It said: " + said
	}
	return ""
}

func signalOf(end *corev1.ContainerStateTerminated) string {
	if end.Signal == 0 {
		return ""
	}
	return fmt.Sprintf(" (signal %d)", end.Signal)
}
