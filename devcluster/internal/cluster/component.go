package cluster

import (
	"context"
	"fmt"
	"time"

	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/process"
)

const (
	startLimit = 3 * time.Minute // for one component, on a busy machine
	logLines   = 15              // of a component that died
)

// component is one long-running program of the cluster.
type component struct {
	name    string
	program string
	args    []string
	healthy func(context.Context) error // asks the program itself
}

// components lists what this cluster runs, in the order in which it starts. A
// component may rely on those before it.
func (c *Cluster) components() []component {
	list := []component{c.etcd(), c.apiserver(), c.controllerManager(), c.scheduler()}
	if c.state.Options.Node {
		list = append(list, c.registry(), c.volumes(), c.containerd(), c.kubelet())
	}
	if c.state.Options.SimulatedNodes > 0 {
		list = append(list, c.kwok())
	}
	return list
}

func (c *Cluster) component(name string) (component, error) {
	var names []string
	for _, comp := range c.components() {
		if comp.name == name {
			return comp, nil
		}
		names = append(names, comp.name)
	}
	return component{}, fmt.Errorf("component %q: cluster %q has %q", name, c.Name, names)
}

// start starts a component and records it. It does not wait for its health.
func (c *Cluster) start(comp component) error {
	id, err := process.Start(process.Command{
		Path: comp.program, Args: comp.args, Log: c.Log(comp.name), Mark: c.ID(),
	})
	if err != nil {
		return fmt.Errorf("%w\n%s", err, process.Tail(c.Log(comp.name), logLines))
	}
	c.state.Processes[comp.name] = id
	return c.saveState()
}

// await waits until the component is healthy. It fails as soon as the process
// has ended, with the end of its log.
func (c *Cluster) await(ctx context.Context, comp component) error {
	return c.poll(ctx, comp.name, comp.healthy)
}

// poll asks check until it succeeds, as long as the named component runs.
func (c *Cluster) poll(ctx context.Context, name string, check func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	for {
		err := check(ctx)
		if err == nil {
			return nil
		}
		if !c.state.Processes[name].Alive() {
			return fmt.Errorf("%s has ended; the last lines of %s:\n%s", name, c.Log(name), process.Tail(c.Log(name), logLines))
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w; last answer: %w\nThe last lines of %s:\n%s",
				name, ctx.Err(), err, c.Log(name), process.Tail(c.Log(name), logLines))
		case <-time.After(100 * time.Millisecond):
		}
	}
}
