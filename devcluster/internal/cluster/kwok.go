package cluster

import (
	"context"
	_ "embed"
	"fmt"

	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/address"
	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/build"
)

//go:embed stages.yaml
var stages []byte

//go:embed simulatednode.yaml
var simulatedNode string

func (c *Cluster) kwok() component {
	return component{
		name:    "kwok",
		program: c.program(build.Kwok),
		args: []string{
			"--kubeconfig=" + c.PKI("kwok.kubeconfig"),
			"--config=" + c.Path("kwok.yaml"),
			"--manage-all-nodes=false",
			"--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake",
			"--node-lease-duration-seconds=40",
			"--node-ip=127.0.0.1",
			"--node-port=0",
			"--cidr=10.214.0.0/16", // made up: nothing has these addresses
			"--server-address=" + c.plan().Local(address.Kwok),
		},
		healthy: plainHTTP("http://" + c.plan().Local(address.Kwok) + "/healthz"),
	}
}

// simulatedNames are the names of n simulated nodes.
func simulatedNames(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("simulated-%d", i)
	}
	return names
}

// simulate makes kwok run and the simulated nodes exist and be Ready. Those that
// exist stay as they are.
func (c *Cluster) simulate(ctx context.Context) error {
	if c.state.Options.SimulatedNodes == 0 {
		return nil
	}
	if !c.state.Processes["kwok"].Alive() {
		if err := writeFile(c.Path("kwok.yaml"), stages); err != nil {
			return err
		}
		if err := c.start(c.kwok()); err != nil {
			return err
		}
	}
	if err := c.await(ctx, c.kwok()); err != nil {
		return err
	}
	api, err := c.client(c.server())
	if err != nil {
		return err
	}
	names := simulatedNames(c.state.Options.SimulatedNodes)
	for _, name := range names {
		if err := api.Create(ctx, "/api/v1/nodes", fmt.Appendf(nil, simulatedNode, name)); err != nil {
			return fmt.Errorf("creating Node/%s: %w", name, err)
		}
	}
	for _, name := range names {
		if err := c.awaitNode(ctx, "kwok", name); err != nil {
			return err
		}
	}
	return nil
}
