package driver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
	"github.com/orchestra-ci/orchestra-k8s/render"
)

// FindTask is GetContainer for who knows the Task.ID and not the container's: a terminal, or a program that was started again. If there is
// no task of this ID but a sandbox, the container is that of the sandbox.
// The error is orchestra.ErrContainerNotFound if there is neither.
func (d *Driver) FindTask(ctx context.Context, taskID string) (orchestra.Container, error) {
	ctx, leave, err := d.enter(ctx)
	if err != nil {
		return nil, fmt.Errorf("finding task %q: %w", taskID, err)
	}
	defer leave()
	live, err := d.findTask(ctx, taskID)
	if err != nil {
		return nil, fmt.Errorf("finding task %q: %w", taskID, closedOr(ctx, err))
	}
	return d.containerOf(live)
}

// FindSandbox is GetSandbox for who knows the Task.ID that the sandbox was started with.
func (d *Driver) FindSandbox(ctx context.Context, taskID string) (orchestra.Sandbox, error) {
	return d.GetSandbox(ctx, d.templates.SandboxName(taskID))
}

// findTask looks for the workload of a task, then for that of a sandbox.
func (d *Driver) findTask(ctx context.Context, taskID string) (*unstructured.Unstructured, error) {
	live, err := d.findWorkload(ctx, d.templates.WorkloadName(taskID))
	if errors.Is(err, orchestra.ErrContainerNotFound) {
		live, err = d.findRole(ctx, d.templates.SandboxName(taskID), render.RoleSandbox)
	}
	if err == nil && !d.isOfTask(live, taskID) {
		err = orchestra.ErrContainerNotFound
	}
	return live, err
}

// LiveWorkload is the task's Pod or Job as the API server has it, with what admission and defaults have added.
// The error is orchestra.ErrContainerNotFound if there is no task of this ID.
func (d *Driver) LiveWorkload(ctx context.Context, taskID string) (*unstructured.Unstructured, error) {
	ctx, leave, err := d.enter(ctx)
	if err != nil {
		return nil, fmt.Errorf("finding task %q: %w", taskID, err)
	}
	defer leave()
	live, err := d.findTask(ctx, taskID)
	if err != nil {
		return nil, fmt.Errorf("finding task %q: %w", taskID, closedOr(ctx, err))
	}
	return live, nil
}

// InspectTask reads what Tasks lists of one task, afresh: one request for a Pod, two for a Job.
// The error is orchestra.ErrContainerNotFound if there is no task of this ID.
func (d *Driver) InspectTask(ctx context.Context, taskID string) (TaskInfo, error) {
	ctx, leave, err := d.enter(ctx)
	if err != nil {
		return TaskInfo{}, fmt.Errorf("inspecting task %q: %w", taskID, err)
	}
	defer leave()
	info, err := d.inspect(ctx, taskID)
	if err != nil {
		return TaskInfo{}, fmt.Errorf("inspecting task %q: %w", taskID, closedOr(ctx, err))
	}
	return info, nil
}

func (d *Driver) inspect(ctx context.Context, taskID string) (TaskInfo, error) {
	live, err := d.findTask(ctx, taskID)
	if err != nil {
		return TaskInfo{}, err
	}
	objects := []*unstructured.Unstructured{live}
	if live.GroupVersionKind() == jobKind {
		pods, err := d.list(ctx, podKind, extrasSelector(live), func(obj *unstructured.Unstructured) bool { return metav1.IsControlledBy(obj, live) })
		if err != nil {
			return TaskInfo{}, err
		}
		objects = append(objects, pods...)
	}
	table := newTaskTable(d)
	for _, object := range objects {
		if err := table.put(object); err != nil {
			return TaskInfo{}, fmt.Errorf("reading %s: %w", refOf(object), err)
		}
	}
	tasks := table.tasks()
	if len(tasks) == 0 {
		return TaskInfo{}, orchestra.ErrContainerNotFound
	}
	return tasks[0], nil
}

// TaskEvent is what the cluster has noted about a task's Pod or Job. Clusters forget events, after an hour by default.
type TaskEvent struct {
	Object  string    `json:"object"` // Kind/name
	Type    string    `json:"type"`   // Normal or Warning
	Reason  string    `json:"reason"`
	Message string    `json:"message"`
	Count   int32     `json:"count,omitempty"` // of the same event, if it was merged
	First   time.Time `json:"first,omitzero"`
	Last    time.Time `json:"last,omitzero"`

	name string // ends in the time of its making, in hexadecimal nanoseconds
}

// TaskEvents lists the events of a task that Tasks or InspectTask has shown, the oldest first. It costs one request for the pod, and one
// more for a Job.
func (d *Driver) TaskEvents(ctx context.Context, info TaskInfo) ([]TaskEvent, error) {
	ctx, leave, err := d.enter(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing events of task %q: %w", info.ID, err)
	}
	defer leave()
	names := map[string]string{kindPod: info.Pod}
	if info.Kind == kindJob {
		names[kindJob] = info.Container
	}
	var events []TaskEvent
	for kind, name := range names {
		if name == "" {
			continue
		}
		list, err := d.typed.CoreV1().Events(d.namespace).List(ctx, metav1.ListOptions{
			FieldSelector: fields.Set{"involvedObject.kind": kind, "involvedObject.name": name}.String(), Limit: maxEvents,
		})
		if err != nil {
			return nil, fmt.Errorf("listing events of %s/%s/%s: %w", kind, d.namespace, name, closedOr(ctx, err))
		}
		for i := range list.Items {
			if event := &list.Items[i]; !eventTime(event).Before(info.Created) { // else of an earlier object of this name
				events = append(events, taskEventOf(event))
			}
		}
	}
	// Some components write their times with fractions of a second, and others without.
	slices.SortFunc(events, func(a, b TaskEvent) int {
		return cmp.Or(a.Last.Truncate(time.Second).Compare(b.Last.Truncate(time.Second)), cmp.Compare(a.name, b.name))
	})
	return events, nil
}

func taskEventOf(event *corev1.Event) TaskEvent {
	first := event.FirstTimestamp.Time
	if first.IsZero() {
		first = event.EventTime.Time
	}
	return TaskEvent{
		Object: event.InvolvedObject.Kind + "/" + event.InvolvedObject.Name, Type: event.Type, Reason: event.Reason,
		Message: quote(event.Message), Count: event.Count, First: first, Last: eventTime(event), name: event.Name,
	}
}
