// Package memdriver is a small orchestra.Driver that runs tasks as processes of this machine and keeps everything else
// in memory. It is the worked example of docs/implementing-new-driver.md, and what the conformance suite is tested on.
//
// It has no isolation: Image, ContainerLimits, Privileged and User are checked and then ignored. A task that leaves its
// process group (setsid) outlives its container.
package memdriver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

// Name is the driver's name.
const Name = "memory"

// Driver is an orchestra.Driver for one namespace.
type Driver struct {
	namespace string
	log       *slog.Logger
}

var _ orchestra.Driver = (*Driver)(nil)

// New returns a driver for a namespace. All drivers of this process and namespace share its containers and volumes.
func New(namespace string, logger *slog.Logger) *Driver {
	return &Driver{namespace: namespace, log: logger}
}

// Name is the driver's name.
func (d *Driver) Name() string { return Name }

// RunContainer starts the task as a process.
func (d *Driver) RunContainer(ctx context.Context, task orchestra.Task) (orchestra.Container, error) {
	if err := checkCall(ctx, task.Validate()); err != nil {
		return nil, err
	}
	backend.Lock()
	defer backend.Unlock()
	space, err := backend.enter(d.namespace)
	if err != nil {
		return nil, err
	}
	if existing := space.containers[containerID(task.ID)]; existing != nil {
		return existing, nil
	}
	c, err := d.newContainer(space, task)
	if err != nil {
		return nil, fmt.Errorf("starting task %q: %w", task.ID, err)
	}
	space.containers[c.id] = c
	d.log.Info("started", "task", task.ID, "container", c.id)
	return c, nil
}

// GetContainer finds a container of the namespace.
func (d *Driver) GetContainer(ctx context.Context, id string) (orchestra.Container, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	backend.Lock()
	defer backend.Unlock()
	if space := backend.spaces[d.namespace]; space != nil && space.containers[id] != nil {
		return space.containers[id], nil
	}
	return nil, fmt.Errorf("getting container %q: %w", id, orchestra.ErrContainerNotFound)
}

// CreateVolume makes a directory. The size is checked and ignored.
func (d *Driver) CreateVolume(ctx context.Context, name string, size int) (orchestra.Volume, error) {
	if err := checkCall(ctx, orchestra.ValidateVolume(name, size)); err != nil {
		return nil, err
	}
	backend.Lock()
	defer backend.Unlock()
	space, err := backend.enter(d.namespace)
	if err != nil {
		return nil, err
	}
	return space.volume(name)
}

// Close removes the namespace with all that is in it.
func (d *Driver) Close() error {
	backend.Lock()
	space := backend.spaces[d.namespace]
	delete(backend.spaces, d.namespace)
	backend.Unlock()
	if space == nil {
		return nil
	}
	var problems []error
	for _, c := range space.containers {
		problems = append(problems, c.Cleanup(context.Background()))
	}
	for _, s := range space.sandboxes {
		problems = append(problems, s.Cleanup(context.Background()))
	}
	return errors.Join(append(problems, os.RemoveAll(space.dir))...)
}

// checkCall is what every call that creates something begins with.
func checkCall(ctx context.Context, invalid error) error {
	if invalid != nil {
		return invalid
	}
	return ctx.Err()
}
