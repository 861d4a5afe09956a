package driver

import (
	"context"
	"fmt"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

// Status reports where the task is, from the driver's one watch: it makes no request, except that the first call of the driver
// waits for the watch's first list. The result also is an orchestra.Explainer.
//
// If the watch has been cut off for more than 30 seconds, or is refused, Status returns an error that says so instead of what it
// knew then. After Cleanup in this process it is an error, too.
func (c *container) Status(ctx context.Context) (orchestra.ContainerStatus, error) {
	seen, err := c.observe(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the status of %s/%s/%s: %w", c.kind, c.d.namespace, c.id, err)
	}
	return c.head.explain(seen.status), nil
}

// Wait returns the status of the task when it is done. It makes no request while it waits, and goes on waiting while the API server
// cannot be reached. When ctx ends it returns at once with ctx's error. A Cleanup meanwhile ends it with the task's last status.
func (c *container) Wait(ctx context.Context) (orchestra.ContainerStatus, error) {
	seen, err := c.observeDone(ctx)
	if err != nil {
		return nil, fmt.Errorf("waiting for %s/%s/%s: %w", c.kind, c.d.namespace, c.id, err)
	}
	return c.head.explain(seen.status), nil
}

func (c *container) observe(ctx context.Context) (record, error) {
	if c.d.ctx.Err() != nil {
		return record{}, ErrClosed
	}
	if err := c.d.watch.startWithin(ctx, staleAfter); err != nil {
		return record{}, err
	}
	seen, known := c.d.watch.get(c.uid)
	if !known {
		return record{}, errForgotten
	}
	if seen.status.done {
		return seen, nil
	}
	return seen, c.d.watch.stale(seen.kind)
}

func (c *container) observeDone(ctx context.Context) (record, error) {
	if c.d.ctx.Err() != nil {
		return record{}, ErrClosed
	}
	if err := c.d.watch.start(ctx); err != nil {
		return record{}, err
	}
	return c.d.watch.wait(ctx, c.uid, func(r record) bool { return r.status.done })
}
