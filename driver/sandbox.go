package driver

import (
	"context"
	"errors"
	"fmt"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
	"github.com/orchestra-ci/orchestra-k8s/render"
)

var (
	_ orchestra.SandboxDriver = (*Driver)(nil)
	_ orchestra.Sandbox       = (*sandbox)(nil)
)

// toolsPath is the busybox that the templates put beside a sandbox's image (templates/default/_pod.tpl, "tools").
const toolsPath = "/.orchestra/busybox"

// keepAlive waits until the pod is deleted, and then ends at once. It reaps the orphans of the commands that Exec runs.
const keepAlive = `trap 'exit 0' TERM; while :; do "$0" sleep 3600 & wait; done`

// sandbox is the handle of a pod that waits for commands.
type sandbox struct {
	c *container
}

// StartSandbox makes a pod of the task's image, mounts, limits and user that waits for commands, and returns once it runs. An image needs
// no shell: the templates put a static busybox beside it, which starts the commands. Sandboxes and tasks of the same ID do not meet.
//
// The same ID gives the same sandbox, as RunContainer does for tasks; one that has ended is an error that says why, until it is cleaned
// up. A sandbox that cannot start, such as one whose image does not exist, fails after the same deadlines as a task. What a failed call
// has made is removed again.
func (d *Driver) StartSandbox(ctx context.Context, task orchestra.Task) (orchestra.Sandbox, error) {
	ctx, leave, err := d.enter(ctx)
	if err != nil {
		return nil, fmt.Errorf("starting sandbox %q: %w", task.ID, err)
	}
	defer leave()
	if err := task.Validate(d.templates.Users()...); err != nil {
		return nil, err
	}
	task.Command, task.Stdin = []string{toolsPath, "sh", "-c", keepAlive, toolsPath}, nil
	rendered, err := d.templates.Task(task, render.RoleSandbox)
	if err != nil {
		return nil, err
	}
	l := d.newLaunch()
	c, err := l.wait(ctx, task, rendered)
	if err != nil {
		return nil, fmt.Errorf("starting sandbox %q: %w", task.ID, closedOr(ctx, errors.Join(err, l.abandon(ctx))))
	}
	return &sandbox{c}, nil
}

// wait makes what a workload needs that waits for commands, and waits until it runs.
func (l *launch) wait(ctx context.Context, task orchestra.Task, rendered *render.Rendered) (*container, error) {
	if err := checkPod(rendered); err != nil {
		return nil, err
	}
	c, _, err := l.run(ctx, task, rendered)
	if err != nil {
		return nil, err
	}
	return c, c.awaitRunning(ctx)
}

// checkPod refuses what could start a second process in place of the one that commands were given.
func checkPod(rendered *render.Rendered) error {
	if rendered.Workload.GroupVersionKind() == podKind {
		return nil
	}
	return fmt.Errorf("the templates make a %s of it; commands need a Pod", rendered.Workload.GetKind())
}

// awaitRunning returns when the container's first process runs. If it has ended or cannot start, the error says why.
func (c *container) awaitRunning(ctx context.Context) error {
	if err := c.d.watch.start(ctx); err != nil {
		return err
	}
	seen, err := c.d.watch.wait(ctx, c.uid, func(r record) bool { return r.stage == stageRunning })
	switch {
	case err != nil:
		return fmt.Errorf("waiting until %s runs: %w%s", c.ref, err, inWords(seen.status))
	case seen.status.done:
		return fmt.Errorf("%s: %w", c.ref, overError{seen.status})
	}
	return nil
}

// inWords is a status in brackets, for an error.
func inWords(s status) string {
	if s.reason == "" {
		return ""
	}
	return " (" + sentences(s.reason, s.message) + ")"
}

// overError is the end of a workload that was expected to run, or its beginning.
type overError struct{ status status }

func (e overError) Error() string {
	if !e.status.done {
		return "it is ending: " + said(e.status.reason, e.status.message)
	}
	return "it has ended: " + said(e.status.reason, e.status.message)
}

// GetSandbox finds a sandbox by its ID, also one that another process has started. It costs a request and changes nothing. The error
// is orchestra.ErrContainerNotFound if there is none in this Orchestra namespace.
func (d *Driver) GetSandbox(ctx context.Context, sandboxID string) (orchestra.Sandbox, error) {
	ctx, leave, err := d.enter(ctx)
	if err != nil {
		return nil, fmt.Errorf("getting sandbox %q: %w", sandboxID, err)
	}
	defer leave()
	live, err := d.findRole(ctx, sandboxID, render.RoleSandbox)
	if err != nil {
		return nil, fmt.Errorf("getting sandbox %q: %w", sandboxID, closedOr(ctx, err))
	}
	c, err := d.containerOf(live)
	if err != nil {
		return nil, fmt.Errorf("getting sandbox %q: %w", sandboxID, err)
	}
	return &sandbox{c}, nil
}

// ID is the name of the pod.
func (s *sandbox) ID() string { return s.c.id }

// Cleanup deletes the pod, which ends every command in it, and waits until it is gone. Volumes stay. It may be called any number of times.
func (s *sandbox) Cleanup(ctx context.Context) error { return s.c.Cleanup(ctx) }
