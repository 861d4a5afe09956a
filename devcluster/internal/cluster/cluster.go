// Package cluster brings up a real Kubernetes on one machine, looks after it
// and takes it down again.
package cluster

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/address"
	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/build"
	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/layout"
	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/lock"
	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/progress"
)

// Cluster is one named cluster, running or not. Methods that change it take its
// lock, so several commands may be given at once: they take turns.
type Cluster struct {
	layout.Layout

	module build.Module
	report *progress.Reporter
	state  *state // nil: nothing is known to run
}

// New returns the cluster of that layout. The module pins what it runs.
func New(l layout.Layout, module build.Module, report *progress.Reporter) *Cluster {
	return &Cluster{Layout: l, module: module, report: report}
}

func (c *Cluster) plan() address.Plan { return address.Plan{Slot: c.state.Slot} }

// program is the path of a program that was built.
func (c *Cluster) program(name string) string {
	return filepath.Join(c.Cache, "bin", c.state.Versions, name)
}

// lock takes the cluster's lock and reads its state, which only then is true.
func (c *Cluster) lock(ctx context.Context) (*lock.Lock, error) {
	held, err := lock.Acquire(ctx, c.Lock(), func(pid string) {
		c.report.Say("waiting for process %s, which is working on cluster %q", pid, c.Name)
	})
	if err != nil {
		return nil, err
	}
	if err := c.load(); err != nil {
		held.Unlock()
		return nil, err
	}
	return held, nil
}

func (c *Cluster) load() error {
	s, err := readState(c.State())
	if err != nil {
		return err
	}
	c.state = s
	return nil
}

// NotUpError says that a command needs a cluster that is up.
type NotUpError struct{ Name, Why string }

func (e *NotUpError) Error() string {
	return fmt.Sprintf("cluster %q is not up: %s\nStart it with: devcluster up --name %s", e.Name, e.Why, e.Name)
}

// running loads the state and fails unless up came to its end.
func (c *Cluster) running() error {
	if err := c.load(); err != nil {
		return err
	}
	if c.state == nil || !c.state.Ready {
		return &NotUpError{c.Name, "it was never started, or its start did not come to an end"}
	}
	return nil
}
