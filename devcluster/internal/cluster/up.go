package cluster

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"

	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/build"
	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/preflight"
	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/process"
)

// Up brings the cluster into the state that is asked for. If it is running like
// that already, this takes a moment; if it is running with other options, or is
// not healthy, it starts anew and everything in it is lost.
//
// Up may be interrupted or killed at any point: the next Up or Down cleans up.
func (c *Cluster) Up(ctx context.Context, request Request) error {
	held, err := c.lock(ctx)
	if err != nil {
		return err
	}
	defer held.Unlock()

	options := defaults()
	if c.state != nil {
		options = c.state.Options
	}
	options = request.over(options)
	if c.keep(ctx, options) {
		return c.extend(ctx, options)
	}
	if options.Node {
		if err := preflight.Look().Check(); err != nil {
			return err
		}
	}
	return c.create(ctx, options)
}

// keep tells whether the cluster that is there will do, and says so or why not.
func (c *Cluster) keep(ctx context.Context, options Options) bool {
	if c.state == nil {
		return false
	}
	if !c.state.Ready {
		c.report.Say("cluster %q was left half started: starting it anew", c.Name)
		return false
	}
	reasons := c.state.Options.restartReasons(options)
	if versions, err := c.module.Versions(); err == nil && versions.String() != c.state.Versions {
		reasons = append(reasons, "other versions: "+versions.String())
	}
	if len(reasons) > 0 {
		c.report.Say("cluster %q is started anew, without what was in it, for: %s", c.Name, strings.Join(reasons, "; "))
		return false
	}
	if sick := c.sick(ctx); len(sick) > 0 {
		c.report.Say("cluster %q is not healthy: starting it anew, without what was in it", c.Name)
		for _, s := range sick {
			c.report.Say("%s: %v; the last lines of its log:\n%s", s.Name, s.Err, process.Tail(c.Log(s.Name), logLines))
		}
		return false
	}
	return true
}

// extend adds simulated nodes to a running cluster.
func (c *Cluster) extend(ctx context.Context, options Options) error {
	c.report.Say("cluster %q is up", c.Name)
	if options.SimulatedNodes == c.state.Options.SimulatedNodes {
		return nil
	}
	builder := build.Builder{Module: c.module, Cache: c.Cache, Report: c.report}
	if _, err := builder.Ensure(ctx, build.Kwok); err != nil {
		return err
	}
	c.state.Options = options
	if err := c.saveState(); err != nil {
		return err
	}
	title := fmt.Sprintf("adding simulated nodes, up to %d", options.SimulatedNodes)
	if err := c.report.Step(ctx, title, c.simulate); err != nil {
		return err
	}
	return c.publish()
}

// create makes a new cluster. What takes long and changes nothing comes first,
// so that a cluster that is replaced is gone for as short as possible.
func (c *Cluster) create(ctx context.Context, options Options) error {
	next, err := c.prepare(ctx, options)
	if err != nil {
		return err
	}
	if err := c.clean(ctx, nothing); err != nil {
		return err
	}
	c.state = next
	if err := c.takeSlot(ctx); err != nil {
		return err
	}
	if err := c.report.Step(ctx, fmt.Sprintf("starting cluster %q", c.Name), c.startAll); err != nil {
		// Nothing may be left running, whether or not the caller still waits.
		c.report.Say("stopping what was started; the logs stay in %s", c.Path("logs"))
		if cleaning := c.clean(context.WithoutCancel(ctx), logs); cleaning != nil {
			return fmt.Errorf("%w\nand then %w", err, cleaning)
		}
		return err
	}
	c.report.Say("cluster %q is up", c.Name)
	return nil
}

// prepare gets all programs and returns the state of the cluster to be.
func (c *Cluster) prepare(ctx context.Context, options Options) (*state, error) {
	next := &state{Options: options, Password: rand.Text(), Processes: map[string]process.Identity{}}
	versions, err := c.module.Versions()
	if err != nil {
		return nil, err
	}
	next.Versions = versions.String()
	if options.Node {
		if next.Busybox, err = c.install(ctx); err != nil {
			return nil, err
		}
	}
	builder := build.Builder{Module: c.module, Cache: c.Cache, Report: c.report}
	_, err = builder.Ensure(ctx, programs(options)...)
	return next, err
}

// programs are those that the options need built.
func programs(o Options) []string {
	names := []string{build.Etcd, build.APIServer, build.ControllerManager, build.Scheduler}
	if o.Node {
		names = append(names, build.Kubelet, build.Containerd)
	}
	if o.SimulatedNodes > 0 {
		names = append(names, build.Kwok)
	}
	return names
}
