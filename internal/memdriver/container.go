package memdriver

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

// container is a task and what is left of it.
type container struct {
	id        string
	namespace string
	dir       string // the task's root
	log       *outputLog
	kill      context.CancelFunc
	done      chan struct{} // closed when status is set
	status    status
}

var (
	_ orchestra.Container = (*container)(nil)
	_ orchestra.Waiter    = (*container)(nil)
)

// containerID differs from the task's ID, so that nobody takes one for the other.
func containerID(taskID string) string { return "process:" + taskID }

// newContainer starts a task. The process lives until it ends or is cleaned up, and so not by the context of the call.
func (d *Driver) newContainer(space *space, task orchestra.Task) (*container, error) {
	dir, err := space.taskDir(task)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	c := &container{
		id: containerID(task.ID), namespace: d.namespace, dir: dir,
		log: newOutputLog(), kill: cancel, done: make(chan struct{}),
	}
	run := program{args: task.Command, env: environment(task.Env), dir: workDir(dir, task.WorkDir)}
	go c.run(ctx, run, task.Stdin)
	return c, nil
}

func (c *container) run(ctx context.Context, program program, stdin io.Reader) {
	c.status = program.execute(ctx, streams{stdin: stdin, stdout: c.log.writer(false), stderr: c.log.writer(true)})
	c.log.end()
	close(c.done)
	c.kill() // frees the context
}

// ID is stable.
func (c *container) ID() string { return c.id }

// Status never fails.
func (c *container) Status(context.Context) (orchestra.ContainerStatus, error) {
	select {
	case <-c.done:
		return c.status, nil
	default:
		return status{reason: reasonRunning}, nil
	}
}

// Wait waits for the process to end.
func (c *container) Wait(ctx context.Context) (orchestra.ContainerStatus, error) {
	select {
	case <-c.done:
		return c.status, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for container %q: %w", c.id, ctx.Err())
	}
}

// Logs keeps the streams apart.
func (c *container) Logs(ctx context.Context, stdout, stderr io.Writer, follow bool) error {
	if err := c.log.copy(ctx, stdout, stderr, follow); err != nil {
		return fmt.Errorf("reading the log of container %q: %w", c.id, err)
	}
	return nil
}

// Cleanup kills the process group and removes the task's root.
func (c *container) Cleanup(ctx context.Context) error {
	c.forget()
	c.kill()
	if _, err := c.Wait(ctx); err != nil {
		return err
	}
	if err := os.RemoveAll(c.dir); err != nil {
		return fmt.Errorf("removing container %q: %w", c.id, err)
	}
	return nil
}

// forget frees the ID, unless a later container has it already.
func (c *container) forget() {
	backend.Lock()
	defer backend.Unlock()
	if space := backend.spaces[c.namespace]; space != nil && space.containers[c.id] == c {
		delete(space.containers, c.id)
	}
}
