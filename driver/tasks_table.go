package driver

import (
	"cmp"
	"maps"
	"slices"
	"sync"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"github.com/orchestra-ci/orchestra-k8s/render"
)

// taskTable holds what a list, or a list and a watch, have shown of a namespace's tasks. It is safe for concurrent use.
type taskTable struct {
	owns func(metav1.Object) bool

	mu      sync.Mutex
	pods    map[types.UID]tablePod
	jobs    map[types.UID]tableJob
	changed chan struct{} // holds a token when something has changed since it was last taken
}

type tablePod struct {
	info   TaskInfo
	record record
}

type tableJob struct {
	info   TaskInfo
	record jobRecord
}

func newTaskTable(d *Driver) *taskTable {
	return &taskTable{
		owns: d.owns, pods: map[types.UID]tablePod{}, jobs: map[types.UID]tableJob{}, changed: make(chan struct{}, 1),
	}
}

func (t *taskTable) putPod(pod *corev1.Pod) {
	if !t.owns(pod) {
		return
	}
	defer t.change()()
	t.pods[pod.UID] = tablePod{info: taskInfoOfPod(pod), record: recordOf(pod)}
}

func (t *taskTable) putJob(job *batchv1.Job) {
	if !t.owns(job) {
		return
	}
	defer t.change()()
	t.jobs[job.UID] = tableJob{info: taskInfoOfJob(job), record: jobRecordOf(job)}
}

// put takes in a Pod or a Job as the dynamic client reads it.
func (t *taskTable) put(live *unstructured.Unstructured) error {
	converter := runtime.DefaultUnstructuredConverter
	if live.GroupVersionKind() == jobKind {
		var job batchv1.Job
		err := converter.FromUnstructured(live.Object, &job)
		t.putJob(&job)
		return err
	}
	var pod corev1.Pod
	err := converter.FromUnstructured(live.Object, &pod)
	t.putPod(&pod)
	return err
}

func (t *taskTable) remove(uid types.UID) {
	defer t.change()()
	delete(t.pods, uid)
	delete(t.jobs, uid)
}

func (t *taskTable) prunePods(listed map[types.UID]bool, _ string) {
	defer t.change()()
	maps.DeleteFunc(t.pods, func(uid types.UID, _ tablePod) bool { return !listed[uid] })
}

func (t *taskTable) pruneJobs(listed map[types.UID]bool, _ string) {
	defer t.change()()
	maps.DeleteFunc(t.jobs, func(uid types.UID, _ tableJob) bool { return !listed[uid] })
}

// change begins a change; the returned function ends it.
func (t *taskTable) change() func() {
	t.mu.Lock()
	return func() {
		t.mu.Unlock()
		select {
		case t.changed <- struct{}{}:
		default:
		}
	}
}

// tasks are one for each Pod that stands alone and one for each Job, whose newest pod shows where it is.
func (t *taskTable) tasks() []TaskInfo {
	t.mu.Lock()
	defer t.mu.Unlock()
	tasks := []TaskInfo{}
	newest := map[types.UID]tablePod{}
	for _, pod := range t.pods {
		if pod.record.kind != kindJob {
			tasks = append(tasks, pod.info.withStatus(pod.record.status))
			continue
		}
		if other, ok := newest[pod.record.workload]; !ok || other.record.created.Before(pod.record.created) {
			newest[pod.record.workload] = pod
		}
	}
	for uid, job := range t.jobs {
		info, last := job.info, (*record)(nil)
		if pod, ok := newest[uid]; ok {
			last = &pod.record
			info.Pod, info.Node, info.Image = pod.info.Pod, pod.info.Node, pod.info.Image
			info.Scheduled, info.Started, info.Finished = pod.info.Scheduled, pod.info.Started, pod.info.Finished
		}
		tasks = append(tasks, info.withStatus(statusOfJob(job.record, last)))
	}
	slices.SortFunc(tasks, func(a, b TaskInfo) int { return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Container, b.Container)) })
	return tasks
}

func taskInfoOf(object metav1.Object, kind string) TaskInfo {
	return TaskInfo{
		ID: object.GetAnnotations()[render.KeyTask], Container: object.GetName(), Role: render.Role(object.GetLabels()[render.KeyRole]),
		Kind: kind, Namespace: object.GetNamespace(), Created: object.GetCreationTimestamp().Time, uid: object.GetUID(),
	}
}

func taskInfoOfPod(pod *corev1.Pod) TaskInfo {
	info := taskInfoOf(pod, kindPod)
	info.Pod, info.Node = pod.Name, pod.Spec.NodeName
	for i := range pod.Spec.Containers {
		if pod.Spec.Containers[i].Name == render.TaskContainer {
			info.Image = pod.Spec.Containers[i].Image
		}
	}
	if condition := podCondition(pod, corev1.PodScheduled); condition != nil && condition.Status == corev1.ConditionTrue {
		info.Scheduled = condition.LastTransitionTime.Time
	}
	task := taskContainer(pod)
	switch {
	case task == nil:
	case task.State.Running != nil:
		info.Started = task.State.Running.StartedAt.Time
	case hasRun(task.State.Terminated):
		info.Started, info.Finished = task.State.Terminated.StartedAt.Time, task.State.Terminated.FinishedAt.Time
	}
	return info
}

func taskInfoOfJob(job *batchv1.Job) TaskInfo { return taskInfoOf(job, kindJob) }
