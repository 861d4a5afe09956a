package driver

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Cleanup deletes the task's workload, waits until it is gone, and does the same with the task's extra objects. Volumes
// stay. If something cannot be removed in time, the error names it and what holds it.
//
// It may be called any number of times, from any process. A handle whose workload is gone never touches a newer task of the
// same ID.
func (c *container) Cleanup(ctx context.Context) error {
	if c.cleaned.Load() || c.d.isGone() {
		return nil
	}
	if err := c.removeWorkload(ctx); err != nil {
		return fmt.Errorf("cleaning up task %q: %w", c.task, err)
	}
	for _, kind := range c.kinds {
		if _, err := c.d.removeAll(ctx, kind, c.extras, c.hasExtra); err != nil {
			return fmt.Errorf("cleaning up task %q: %w", c.task, err)
		}
	}
	c.d.presence.release(ctx, c.uid)
	c.d.watch.forget(c.uid)
	c.cleaned.Store(true)
	return nil
}

// removeWorkload deletes the Pod, or the Job and its pods, and learns from the watch when they are gone.
func (c *container) removeWorkload(ctx context.Context) error {
	if err := c.d.delete(ctx, c.ref); err != nil {
		return err
	}
	ctx, cancel := c.d.deletionContext(ctx)
	defer cancel()
	err := c.d.watch.start(ctx)
	if err == nil {
		err = c.d.watch.waitGone(ctx, c.uid)
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrClosed): // Close has ended the watch; it removes the workload as well
		return c.d.waitGone(ctx, c.ref)
	}
	return fmt.Errorf("waiting until %s is gone: %w%s", c.ref, errors.Join(context.Cause(ctx), err), c.d.whatHolds(ctx, c.ref))
}

// hasExtra says whether obj was made for this workload. Extra objects are made before their workload, so a younger one belongs
// to a newer task of the same ID.
func (c *container) hasExtra(obj *unstructured.Unstructured) bool {
	created := obj.GetCreationTimestamp()
	return c.d.owns(obj) && c.d.isOfTask(obj, c.task) && !created.After(c.created.Time)
}

// remove deletes one live object and waits until it is gone.
func (d *Driver) remove(ctx context.Context, r ref) error {
	if err := d.delete(ctx, r); err != nil {
		return err
	}
	return d.waitGone(ctx, r)
}
