package driver

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// waitingStatus is for a pod whose task has not started yet: what does it wait for?
func waitingStatus(pod *corev1.Pod) status {
	if pod.Spec.NodeName == "" {
		return unscheduledStatus(pod)
	}
	for _, statuses := range [][]corev1.ContainerStatus{pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses} {
		for i := range statuses {
			if waiting := statuses[i].State.Waiting; waiting != nil {
				if problem, ok := waitingProblem(waiting); ok {
					return problem
				}
			}
		}
	}
	return underWay(ReasonStarting, "")
}

// waitingProblem reads a waiting container's reason, as pkg/kubelet/images/types.go and
// pkg/kubelet/kuberuntime/kuberuntime_container.go define them. ok is false while nothing is wrong.
func waitingProblem(waiting *corev1.ContainerStateWaiting) (problem status, ok bool) {
	words := said(waiting.Reason, waiting.Message)
	switch waiting.Reason {
	case "InvalidImageName":
		// Nothing that happens elsewhere can make this name valid.
		return ended(ReasonImageNameInvalid, exitNone, words), true
	case "ErrImageNeverPull":
		return underWay(ReasonImageNotFound, words), true
	case "ErrImagePull", "ImagePullBackOff", "ImageInspectError", "RegistryUnavailable", "SignatureValidationFailed":
		return underWay(imageReason(waiting.Message), words), true
	case "CreateContainerConfigError":
		return underWay(configurationReason(waiting.Message), words), true
	case "CreateContainerError", "PreCreateHookError", "PreStartHookError", "PostStartHookError", "RunContainerError":
		return underWay(startReason(waiting.Message), words), true
	case "CreatePodSandboxError", "ConfigPodSandboxError", "CrashLoopBackOff":
		return underWay(ReasonStartFailed, words), true
	}
	return status{}, false // ContainerCreating, PodInitializing, none
}

// imageReason tells failed pulls apart by the words of the runtime and of the registry, as no field does.
func imageReason(message string) string {
	switch {
	case containsAny(message, "toomanyrequests", "too many requests", "connection refused", "no such host", "i/o timeout", "deadline exceeded",
		"tls handshake timeout", "network is unreachable", "no route to host", "connection reset", "server misbehaving", "eof",
		"500 internal", "502 bad gateway", "503 service", "504 gateway", "registryunavailable"):
		return ReasonRegistryUnavailable
	case containsAny(message, "unauthorized", "forbidden", "denied", "no basic auth credentials", "authentication required", "authorization failed"):
		return ReasonImageForbidden
	case containsAny(message, "not found", "manifest unknown", "name unknown", "no such image", "does not exist"):
		return ReasonImageNotFound
	}
	return ReasonImagePull
}

// configurationReason tells what is missing from what is refused (runAsNonRoot and the like).
func configurationReason(message string) string {
	if containsAny(message, "not found", "couldn't find key", "references non-existent") {
		return ReasonConfigurationMissing
	}
	return ReasonConfigurationInvalid
}

// unscheduledStatus is for a pod without a node.
func unscheduledStatus(pod *corev1.Pod) status {
	scheduled := podCondition(pod, corev1.PodScheduled)
	if scheduled == nil || scheduled.Status == corev1.ConditionTrue {
		return underWay(ReasonScheduling, "")
	}
	if scheduled.Reason == corev1.PodReasonSchedulingGated {
		return underWay(ReasonUnschedulable, said(scheduled.Reason, scheduled.Message))
	}
	return underWay(schedulingReason(scheduled.Message), quote(scheduled.Message))
}

// schedulingReason reads "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had untolerated taint {...}." The scheduler names for
// each node the first filter that refused it (pkg/scheduler/framework/plugins), and it asks for taints, then affinity, then
// resources and volumes: a node that lacks these fits otherwise. With taints and affinity named side by side neither is the cause alone.
func schedulingReason(message string) string {
	message, _, _ = strings.Cut(message, "preemption:")
	affinity := containsAny(message, "affinity", "topology spread", "node selector", "requested node name")
	taint := containsAny(message, "taint", "were unschedulable")
	switch {
	case containsAny(message, "insufficient ", "too many pods"):
		return ReasonInsufficientResources
	case containsAny(message, "persistentvolume", "persistent volume", "volume", "pvc", "free storage", "no available disk"):
		return ReasonVolumeUnavailable
	case affinity && !taint:
		return ReasonAffinityMismatch
	case taint && !affinity:
		return ReasonTaintNotTolerated
	}
	return ReasonUnschedulable
}
