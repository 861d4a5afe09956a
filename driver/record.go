package driver

import (
	"cmp"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// record is all that the driver keeps of a pod: some hundred bytes, where the object has ten kilobytes. It is a value.
type record struct {
	workload types.UID // the pod's own, or that of the Job that controls it
	kind     string    // of the workload: kindPod or kindJob
	name     string    // of the workload

	pod      string // "" while the Job has no pod yet
	podUID   types.UID
	version  string // resourceVersion of what this was read from
	created  time.Time
	node     string // "" before scheduling
	stdin    string // AnnotationStdin
	started  bool   // the task's container runs or has run: there may be logs
	deleting bool
	gone     bool // the pod's object is no more, or the Job's if it never had one

	stage    stage
	progress string    // changes with every step towards the start of the task
	since    time.Time // when stage or progress last changed, by the driver's own clock
	troubled time.Time // since when the status has named a problem, without progress; zero if it names none
	asked    time.Time // when the cluster's events were last asked for a reason; zero if never

	status status
	noted  bool   // status comes from the cluster's events, not from the object
	cause  string // reason of what interrupts the pod, "" if nothing does
}

// stage is how far a pod has come, as far as deadlines care.
type stage int

const (
	stageUnscheduled stage = iota
	stageStarting          // on a node, the task's container has not started
	stageRunning
	stageUnsettled // ended with exit code 0, stdin unconfirmed
	stageStopping  // being deleted, and not done
	stageOver      // the cluster itself, or a mark that stays, has ended it
)

const (
	kindPod = "Pod"
	kindJob = "Job"
)

// recordOf reduces a pod. since and what follows from it are the store's to fill in.
func recordOf(pod *corev1.Pod) record {
	r := record{
		workload: pod.UID, kind: kindPod, name: strings.Clone(pod.Name),
		pod: strings.Clone(pod.Name), podUID: types.UID(strings.Clone(string(pod.UID))), version: strings.Clone(pod.ResourceVersion),
		created: pod.CreationTimestamp.Time, node: strings.Clone(pod.Spec.NodeName), stdin: quote(pod.Annotations[AnnotationStdin]),
		deleting: pod.DeletionTimestamp != nil,
		progress: progressOf(pod), status: statusOf(pod), cause: interruption(pod).reason,
	}
	r.workload = r.podUID
	if owner := metav1.GetControllerOf(pod); owner != nil && owner.Kind == kindJob {
		r.workload, r.kind, r.name = types.UID(strings.Clone(string(owner.UID))), kindJob, strings.Clone(owner.Name)
	}
	task := taskContainer(pod)
	r.started = task != nil && (task.State.Running != nil || hasRun(task.State.Terminated) || hasRun(task.LastTerminationState.Terminated))
	r.stage = stageOf(pod, &r)
	return r
}

// hasRun tells a container that has run from one whose end the kubelet or the runtime made up without a start.
func hasRun(end *corev1.ContainerStateTerminated) bool {
	return end != nil && !end.StartedAt.IsZero() && !isStartReason(end.Reason)
}

func stageOf(pod *corev1.Pod, r *record) stage {
	_, marked := pod.Annotations[AnnotationFailed]
	task := taskContainer(pod)
	ended := task != nil && task.State.Terminated != nil
	finished := pod.Status.Phase == corev1.PodFailed || pod.Status.Phase == corev1.PodSucceeded
	switch {
	case r.status.reason == ReasonStdinOpen:
		return stageUnsettled
	case marked && r.node == "" && !r.deleting && !finished:
		return stageUnscheduled // whoever marked it has not come to delete it
	case marked, ended, finished, r.status.reason == ReasonInitContainerFailed:
		return stageOver
	case r.deleting:
		return stageStopping
	case task != nil && task.State.Running != nil:
		return stageRunning
	case r.node == "":
		return stageUnscheduled
	}
	return stageStarting
}

// after carries over what a record knows of the time before it: old is the previous record of the same pod.
func (r record) after(old record, now time.Time) record {
	r.since, r.asked = old.since, old.asked
	r.started = r.started || old.started
	if r.stage != old.stage || r.progress != old.progress {
		r.since, r.asked = now, time.Time{}
		old.troubled, old.noted = time.Time{}, false
	}
	if old.status.done {
		r.status = old.status // the first verdict stays
	}
	if old.noted && r.status.message == "" {
		r.status, r.noted = old.status, true
	}
	return r.observe(old.troubled, now)
}

// observe notes since when a waiting record has had a problem. A problem that turns into another one is still the same trouble.
func (r record) observe(troubled, now time.Time) record {
	r.troubled = time.Time{}
	waits := r.stage == stageUnscheduled || r.stage == stageStarting
	if waits && r.status.message != "" {
		if r.troubled = troubled; troubled.IsZero() {
			r.troubled = now
		}
	}
	return r
}

// vanished is the record of a pod whose object is no more: its last state counts if that was an end, and is no success otherwise.
func (r record) vanished() record {
	r.gone = true
	if !r.status.done {
		words := sentences("The pod is gone, and its task's end was not seen", r.status.message)
		r.status = ended(cmp.Or(r.cause, ReasonDeleted), exitNone, words)
	}
	r.stage = stageOver
	return r
}
