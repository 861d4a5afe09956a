package cluster

import (
	"context"
	"path/filepath"

	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/address"
	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/lock"
)

// takeSlot gives the cluster ports and a network that no other has, and saves
// its state with them. The user's clusters take turns, since one that has just
// begun to start does not listen on its ports yet.
func (c *Cluster) takeSlot(ctx context.Context) error {
	held, err := lock.Acquire(ctx, filepath.Join(c.Cache, "slots.lock"), func(string) {})
	if err != nil {
		return err
	}
	defer held.Unlock()
	taken, err := slotsOfOthers(filepath.Dir(c.Dir), c.State())
	if err != nil {
		return err
	}
	plan, err := address.Free(taken)
	if err != nil {
		return err
	}
	c.state.Slot = plan.Slot
	return c.saveState()
}

// slotsOfOthers reads the states of all clusters in a folder but one.
func slotsOfOthers(clusters, ours string) (map[int]bool, error) {
	files, err := filepath.Glob(filepath.Join(clusters, "*", filepath.Base(ours)))
	if err != nil {
		return nil, err
	}
	taken := map[int]bool{}
	for _, file := range files {
		if file == ours {
			continue
		}
		other, err := readState(file)
		if err != nil {
			return nil, err
		}
		if other != nil {
			taken[other.Slot] = true
		}
	}
	return taken, nil
}
