package driver

import (
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// cause is what ended a pod from outside, and when. The zero cause means that nothing did.
type cause struct {
	reason string
	words  string
	at     time.Time // zero: not recorded
}

// before reports whether the pod was interrupted before its container ended by itself. Kubernetes records whole seconds, so the
// same second counts as before: a task that was told to stop, and stops with exit code 0, is not one that has finished.
func (c cause) before(end *corev1.ContainerStateTerminated) bool {
	return c.reason != "" && (c.at.IsZero() || !end.FinishedAt.Time.Before(c.at))
}

// wordsDeleted are all that is known of a plain deletion.
const wordsDeleted = "The pod was deleted"

// interruption reads what the control plane or the kubelet did to the pod. The reasons are those of KEP-3329
// (DisruptionTarget), of pkg/kubelet/{eviction,preemption,nodeshutdown,active_deadline.go} and of a plain deletion.
func interruption(pod *corev1.Pod) cause {
	disruption := podCondition(pod, corev1.DisruptionTarget)
	if reason := kubeletReason(pod.Status.Reason); reason != "" {
		found := cause{reason: reason, words: said(pod.Status.Reason, pod.Status.Message)}
		if disruption != nil {
			found.at = disruption.LastTransitionTime.Time
		}
		if reason == ReasonDeadlineExceeded {
			found.at = deadline(pod)
		}
		return found
	}
	if disruption != nil && disruption.Status == corev1.ConditionTrue {
		return cause{
			reason: disruptionReason(disruption.Reason),
			words:  said(disruption.Reason, disruption.Message),
			at:     disruption.LastTransitionTime.Time,
		}
	}
	if pod.DeletionTimestamp != nil {
		return cause{reason: ReasonDeleted, words: wordsDeleted, at: deletionRequested(pod)}
	}
	return cause{}
}

// interruptionOf is interruption for a container that has ended. The kubelet shows that before it shows why it has ended the pod, as it holds back
// phase, reason and DisruptionTarget until its worker is done with all containers (pkg/kubelet/status/status_manager.go, mergePodStatus). When
// the deadline has passed is known without its word.
func interruptionOf(pod *corev1.Pod, end *corev1.ContainerStateTerminated) cause {
	if found := interruption(pod); found.reason != "" {
		return found
	}
	if at := deadline(pod); !at.IsZero() && !end.FinishedAt.Time.Before(at) {
		return cause{reason: ReasonDeadlineExceeded, words: "The task had not ended when activeDeadlineSeconds had passed", at: at}
	}
	return cause{}
}

// kubeletReason maps a pod's own status.reason.
func kubeletReason(reason string) string {
	switch reason {
	case "Evicted":
		return ReasonEvicted
	case "Preempting":
		return ReasonPreempted
	case "DeadlineExceeded":
		return ReasonDeadlineExceeded
	case "NodeLost":
		return ReasonNodeLost
	case "Terminated", "NodeShutdown", "Shutdown":
		return ReasonNodeShutdown
	case "NodeAffinity", "UnexpectedAdmissionError":
		return ReasonNodeRejected
	}
	if strings.HasPrefix(reason, "OutOf") { // OutOfcpu, OutOfmemory, OutOfpods, ...
		return ReasonNodeRejected
	}
	return ""
}

// disruptionReason maps the reason of a DisruptionTarget condition.
func disruptionReason(reason string) string {
	switch reason {
	case corev1.PodReasonPreemptionByScheduler:
		return ReasonPreempted
	case "DeletionByTaintManager", "DeletionByPodGC":
		return ReasonNodeLost
	case corev1.PodReasonTerminationByKubelet, "EvictionByEvictionAPI":
		return ReasonEvicted
	}
	return ReasonDeleted
}

// deletionRequested is when the deletion was asked for: deletionTimestamp is when its grace ends.
func deletionRequested(pod *corev1.Pod) time.Time {
	at := pod.DeletionTimestamp.Time
	if grace := pod.DeletionGracePeriodSeconds; grace != nil {
		at = at.Add(-time.Duration(*grace) * time.Second)
	}
	return at
}

// deadline is when activeDeadlineSeconds ran out.
func deadline(pod *corev1.Pod) time.Time {
	if pod.Status.StartTime == nil || pod.Spec.ActiveDeadlineSeconds == nil {
		return time.Time{}
	}
	return pod.Status.StartTime.Add(time.Duration(*pod.Spec.ActiveDeadlineSeconds) * time.Second)
}

func podCondition(pod *corev1.Pod, kind corev1.PodConditionType) *corev1.PodCondition {
	for i := range pod.Status.Conditions {
		if pod.Status.Conditions[i].Type == kind {
			return &pod.Status.Conditions[i]
		}
	}
	return nil
}
