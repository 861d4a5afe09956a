package cluster

import (
	"context"
	"fmt"
	"net/netip"
	"os"

	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/cgroup"
	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/hostnet"
	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/hostpath"
)

// startAll starts a cluster of which only the state exists.
func (c *Cluster) startAll(ctx context.Context) error {
	if err := c.issue(); err != nil {
		return err
	}
	if err := hostpath.Prepare(c.ID()); err != nil {
		return err
	}
	if c.state.Options.Node {
		if err := c.startRuntime(ctx); err != nil {
			return err
		}
	}
	if err := c.startControlPlane(ctx); err != nil {
		return err
	}
	if c.state.Options.Node {
		if err := c.startNode(ctx); err != nil {
			return err
		}
	}
	if err := c.simulate(ctx); err != nil {
		return err
	}
	if err := c.publish(); err != nil {
		return err
	}
	c.state.Ready = true
	return c.saveState()
}

// startRuntime starts what the kubelet relies on and what needs no API server.
func (c *Cluster) startRuntime(ctx context.Context) error {
	groups, err := cgroup.Detect()
	if err != nil {
		return err
	}
	if err := groups.Create(c.Cgroup()); err != nil {
		return err
	}
	node := netip.PrefixFrom(c.plan().Node(), c.plan().Pods().Bits())
	if err := hostnet.Create(ctx, c.Bridge(), node); err != nil {
		return fmt.Errorf("making the node's network: %w", err)
	}
	if err := os.MkdirAll(c.Run, 0o700); err != nil {
		return err
	}
	if err := c.copySelf(); err != nil {
		return err
	}
	if err := c.configureRegistry(); err != nil {
		return err
	}
	if err := c.configureContainerd(); err != nil {
		return err
	}
	for _, comp := range []component{c.registry(), c.volumes(), c.containerd()} {
		if err := c.start(comp); err != nil {
			return err
		}
	}
	return nil
}

func (c *Cluster) startControlPlane(ctx context.Context) error {
	// The API server waits for etcd, and the others give up without an API server.
	for _, comp := range []component{c.etcd(), c.apiserver()} {
		if err := c.start(comp); err != nil {
			return err
		}
		if err := c.await(ctx, comp); err != nil {
			return err
		}
	}
	others := []component{c.controllerManager(), c.scheduler()}
	for _, comp := range others {
		if err := c.start(comp); err != nil {
			return err
		}
	}
	for _, comp := range others {
		if err := c.await(ctx, comp); err != nil {
			return err
		}
	}
	return c.bootstrap(ctx)
}

func (c *Cluster) startNode(ctx context.Context) error {
	for _, comp := range []component{c.registry(), c.volumes(), c.containerd()} {
		if err := c.await(ctx, comp); err != nil {
			return err
		}
	}
	if err := c.configureKubelet(); err != nil {
		return err
	}
	if err := c.start(c.kubelet()); err != nil {
		return err
	}
	if err := c.await(ctx, c.kubelet()); err != nil {
		return err
	}
	return c.awaitNode(ctx, "kubelet", c.NodeName())
}
