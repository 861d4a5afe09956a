package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/cgroup"
	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/process"
)

// endLimit is for processes that were killed already and only have to vanish.
const endLimit = time.Minute

// endProcesses kills every process of the cluster. Nothing of it is kept, so
// nobody needs time to say goodbye.
func (c *Cluster) endProcesses(ctx context.Context) error {
	if c.state != nil {
		for name, id := range c.state.Processes {
			if err := id.Stop(ctx, 0); err != nil {
				return fmt.Errorf("ending %s: %w", name, err)
			}
		}
	}
	// Then what is not recorded: shims, containers, and what a killed up had just started.
	ctx, cancel := context.WithTimeout(ctx, endLimit)
	defer cancel()
	for {
		remaining, err := c.killRemaining()
		if err != nil || remaining == 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("ending %d processes of cluster %q: %w", remaining, c.Name, ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// killRemaining kills the processes that carry the cluster's mark or are in its
// control group, and returns how many there were.
func (c *Cluster) killRemaining() (int, error) {
	marked, err := process.Marked(c.ID())
	if err != nil {
		return 0, err
	}
	for _, id := range marked {
		if err := id.Stop(context.Background(), 0); err != nil {
			return 0, err
		}
	}
	groups, err := cgroup.Detect()
	if err != nil {
		return len(marked), nil //nolint:nilerr // without control groups there is no node
	}
	pids, err := groups.Processes(c.Cgroup())
	if err != nil {
		return 0, err
	}
	for _, pid := range pids {
		if err := process.KillIf(pid, func() bool { return cgroup.Contains(c.Cgroup(), pid) }); err != nil {
			return 0, err
		}
	}
	return len(marked) + len(pids), nil
}

// removeCgroup waits until the kernel has let go of the last process.
func (c *Cluster) removeCgroup(ctx context.Context) error {
	groups, err := cgroup.Detect()
	if err != nil {
		return nil //nolint:nilerr // without control groups there is nothing to remove
	}
	ctx, cancel := context.WithTimeout(ctx, endLimit)
	defer cancel()
	for {
		err := groups.Remove(c.Cgroup())
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}
