package driver

import (
	"context"
	"errors"
	"fmt"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
	"github.com/orchestra-ci/orchestra-k8s/render"
)

// RunContainer makes the task's claims, its extra objects and its workload, in this order, and returns as soon as the API
// server has accepted the workload. A plain task costs one request.
//
// The same task ID gives the same container, from any number of callers and processes, also after one of them crashed. If
// the existing one was made from another task or other templates it is returned as it is, and a warning says what differs.
// One that is being deleted is waited for. An object that is not this namespace's is a *ForeignError. If the call fails,
// everything that it made is removed again; when ctx has ended, this is done after RunContainer has returned.
//
// Task.Stdin is read in the background, by the call that made the workload; a later one by another driver takes over if nobody
// has begun to send. If the one who has begun gives no sign of life for a minute, the later one ends the task, whose input will never be
// whole. Status says whether all of it arrived.
func (d *Driver) RunContainer(ctx context.Context, task orchestra.Task) (orchestra.Container, error) {
	ctx, leave, err := d.enter(ctx)
	if err != nil {
		return nil, fmt.Errorf("running task %q: %w", task.ID, err)
	}
	defer leave()
	if err := task.Validate(d.templates.Users()...); err != nil {
		return nil, err
	}
	rendered, err := d.templates.Task(task, render.RoleTask)
	if err != nil {
		return nil, err
	}
	l := d.newLaunch()
	c, awaitsStdin, err := l.run(ctx, task, rendered)
	if err != nil {
		return nil, fmt.Errorf("running task %q: %w", task.ID, closedOr(ctx, errors.Join(err, l.abandon(ctx))))
	}
	if task.Stdin != nil && awaitsStdin {
		d.feedStdin(c, task.Stdin)
	}
	return c, nil
}

// run makes what the task needs, the workload last. awaitsStdin says that nobody is known to have sent the task its stdin.
func (l *launch) run(ctx context.Context, task orchestra.Task, rendered *render.Rendered) (c *container, awaitsStdin bool, err error) {
	if err := l.d.prepareNamespace(ctx); err != nil {
		return nil, false, err
	}
	for _, mount := range task.Mounts {
		l.d.helpers.drop(ctx, mount.Name)
		if l.d.templates.VolumeSource(mount.Name) != nil {
			continue // the platform's, which the template mounts
		}
		if _, err := l.claim(ctx, mount.Name, int64(mount.SizeGB)<<30); err != nil {
			return nil, false, err
		}
	}
	return l.workload(ctx, rendered)
}

// workload makes a workload and its extra objects, which go before it.
func (l *launch) workload(ctx context.Context, rendered *render.Rendered) (c *container, awaitsStdin bool, err error) {
	for _, extra := range rendered.Extras {
		if _, err := l.ensure(ctx, extra); err != nil {
			return nil, false, err
		}
	}
	live, err := l.ensure(ctx, rendered.Workload)
	if err != nil {
		return nil, false, err
	}
	same := live.GetAnnotations()[render.AnnotationDigest] == rendered.Digest
	if !same {
		if err := l.keepExisting(ctx, live, rendered.Workload); err != nil {
			return nil, false, err
		}
	}
	c, err = l.d.containerOf(live)
	return c, same && l.mayFeed(live), err
}

// mayFeed says whether this call should offer the task its stdin: if it made the workload, or if another driver did, which may have died
// before it began or while it sent. Should both live, one gets to claim the input, and the other's reader is left alone.
func (l *launch) mayFeed(live *unstructured.Unstructured) bool {
	state := live.GetAnnotations()[render.AnnotationStdin]
	if _, sending := parseStdinSender(state); state != render.StdinPending && !sending {
		return false
	}
	return l.isOwn(live) || makerOf(live) != l.d.instance
}

// keepExisting is for a task ID whose workload was made from something else: what this call made for its own version of
// the task is removed, and the log says what differs.
func (l *launch) keepExisting(ctx context.Context, live, wanted *unstructured.Unstructured) error {
	paths := differences(wanted.Object["spec"], live.Object["spec"], "spec")
	if len(paths) == 0 {
		paths = []string{"an extra object, or a field that the new version leaves out"}
	}
	l.d.log.WarnContext(ctx, "the task exists already with a different specification, which stays", "object", refOf(live).String(), "differs", strings.Join(paths, ", "))
	return l.abandon(ctx)
}

// abandon undoes a failed call. It waits for that, but not longer than ctx; then it goes on in the background, and the log has its error.
func (l *launch) abandon(ctx context.Context) error {
	undone := make(chan error, 1)
	l.d.wg.Go(func() {
		err := l.undo(ctx)
		if err != nil && ctx.Err() != nil {
			l.d.log.WarnContext(ctx, "removing what a cancelled call had made", "error", err)
		}
		undone <- err
	})
	select {
	case err := <-undone:
		return err
	case <-ctx.Done():
		return nil
	}
}

// containerOf is the handle of a live workload, which is shown to the watch, so that Status knows it from now on.
func (d *Driver) containerOf(live *unstructured.Unstructured) (*container, error) {
	c := &container{
		d: d, id: live.GetName(), uid: live.GetUID(), kind: live.GetKind(),
		ref: refOf(live), created: live.GetCreationTimestamp(), task: live.GetAnnotations()[render.KeyTask],
		kinds: extraKinds(live), extras: extrasSelector(live),
	}
	if err := d.show(live); err != nil {
		return nil, fmt.Errorf("reading %s: %w", c.ref, err)
	}
	return c, nil
}

// show seeds the watch with a workload.
func (d *Driver) show(live *unstructured.Unstructured) error {
	converter := runtime.DefaultUnstructuredConverter
	if live.GroupVersionKind() == jobKind {
		var job batchv1.Job
		err := converter.FromUnstructured(live.Object, &job)
		if err == nil {
			d.watch.seedJob(&job)
		}
		return err
	}
	var pod corev1.Pod
	err := converter.FromUnstructured(live.Object, &pod)
	if err == nil {
		d.watch.seed(&pod)
	}
	return err
}
