package cluster

import (
	"context"
	"fmt"
	"time"
)

// stopGrace is how long a component may take to end by itself.
const stopGrace = 20 * time.Second

// Restart ends one component, starts it again and waits until it is healthy.
// With kill it ends as in a crash. Whatever else runs is left alone: restarting
// containerd or the kubelet ends no container.
func (c *Cluster) Restart(ctx context.Context, name string, kill bool) error {
	return c.change(ctx, name, func(comp component) error {
		title := fmt.Sprintf("restarting %s", name)
		return c.report.Step(ctx, title, func(ctx context.Context) error {
			if err := c.end(ctx, name, kill); err != nil {
				return err
			}
			if comp.program == c.self() { // bring it up to date: this program may be newer
				if err := c.copySelf(); err != nil {
					return err
				}
			}
			if err := c.start(comp); err != nil {
				return err
			}
			if err := c.await(ctx, comp); err != nil {
				return err
			}
			return c.publish()
		})
	})
}

// Stop ends one component and leaves the cluster without it, until Restart.
func (c *Cluster) Stop(ctx context.Context, name string, kill bool) error {
	return c.change(ctx, name, func(component) error { return c.end(ctx, name, kill) })
}

func (c *Cluster) change(ctx context.Context, name string, action func(component) error) error {
	held, err := c.lock(ctx)
	if err != nil {
		return err
	}
	defer held.Unlock()
	if err := c.running(); err != nil {
		return err
	}
	comp, err := c.component(name)
	if err != nil {
		return err
	}
	return action(comp)
}

func (c *Cluster) end(ctx context.Context, name string, kill bool) error {
	grace := stopGrace
	if kill {
		grace = 0
	}
	if err := c.state.Processes[name].Stop(ctx, grace); err != nil {
		return fmt.Errorf("ending %s: %w", name, err)
	}
	return nil
}
