package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/process"
)

// Health is one component's state.
type Health struct {
	Name string
	PID  int
	Err  error // nil: healthy
}

// health asks every component.
func (c *Cluster) health(ctx context.Context) []Health {
	var all []Health
	for _, comp := range c.components() {
		id := c.state.Processes[comp.name]
		err := errors.New("its process has ended")
		if id.Alive() {
			err = comp.healthy(ctx)
		}
		all = append(all, Health{comp.name, id.PID, err})
	}
	return all
}

func (c *Cluster) sick(ctx context.Context) []Health {
	var sick []Health
	for _, h := range c.health(ctx) {
		if h.Err != nil {
			sick = append(sick, h)
		}
	}
	return sick
}

// ErrUnhealthy is Status's verdict, after it has written the details.
var ErrUnhealthy = errors.New("the cluster is not healthy")

// Status writes what runs and how it is. It returns ErrUnhealthy, or a
// *NotUpError, if not everything is well.
func (c *Cluster) Status(ctx context.Context, out io.Writer) error {
	if err := c.running(); err != nil {
		return err
	}
	info := c.info()
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	row := func(name, value string) { _, _ = fmt.Fprintf(table, "%s\t%s\n", name, value) }
	row("cluster", info.Name)
	row("versions", info.Versions)
	row("server", info.Server)
	row("kubeconfig", info.Kubeconfig)
	row("context", info.Context)
	row("node", orNone(info.NodeName))
	row("simulated nodes", orNone(strings.Join(info.SimulatedNodes, " ")))
	row("feature gates", orNone(gates(info.FeatureGates)))
	all := c.health(ctx)
	for _, h := range all {
		verdict := "healthy"
		if h.Err != nil {
			verdict = h.Err.Error()
		}
		row(h.Name, fmt.Sprintf("pid %d, %s", h.PID, verdict))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	return c.explain(out, all)
}

func (c *Cluster) explain(out io.Writer, all []Health) error {
	var verdict error
	for _, h := range all {
		if h.Err == nil {
			continue
		}
		verdict = ErrUnhealthy
		_, _ = fmt.Fprintf(out, "\nThe last lines of %s:\n%s\n", c.Log(h.Name), process.Tail(c.Log(h.Name), logLines))
	}
	return verdict
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// Ready returns nil if the API server answers, or a *NotUpError.
func (c *Cluster) Ready(ctx context.Context) error {
	if err := c.running(); err != nil {
		return err
	}
	if err := c.apiserver().healthy(ctx); err != nil {
		return &NotUpError{c.Name, err.Error()}
	}
	return nil
}
