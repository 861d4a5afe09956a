package main

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/cluster"
)

func upCommand(open opener) *cobra.Command {
	command := &cobra.Command{
		Use:   "up",
		Short: "Start the cluster, or make sure that it runs as asked",
		Long: `Start the cluster, or make sure that it runs as asked.

The first start on a machine builds Kubernetes, which takes minutes. An option
that is not given keeps what the running cluster has. Simulated nodes are added
to a running cluster; any other change starts it anew, without what was in it.`,
		Args: cobra.NoArgs,
	}
	flags := command.Flags()
	flags.Bool("no-node", false, "control plane only: needs neither root nor containers")
	flags.Int("simulated-nodes", 0, "have at least so many simulated nodes")
	flags.String("feature-gates", "", "feature gates of API server and kubelet, NAME=true,NAME=false,...")
	flags.String("kubelet-config", "", "YAML file that is merged over the kubelet's configuration")
	command.RunE = with(open, func(ctx context.Context, c *cluster.Cluster, _ []string) error {
		request, err := requestOf(flags)
		if err != nil {
			return err
		}
		return c.Up(ctx, request)
	})
	return command
}

// requestOf reads only those flags that were given.
func requestOf(flags *pflag.FlagSet) (cluster.Request, error) {
	var request cluster.Request
	if flags.Changed("no-node") {
		noNode, err := flags.GetBool("no-node")
		if err != nil {
			return request, err
		}
		node := !noNode
		request.Node = &node
	}
	if flags.Changed("simulated-nodes") {
		n, err := flags.GetInt("simulated-nodes")
		if err != nil || n < 0 {
			return request, fmt.Errorf("--simulated-nodes %d: must be a number from 0 on", n)
		}
		request.SimulatedNodes = &n
	}
	if flags.Changed("feature-gates") {
		list, err := flags.GetString("feature-gates")
		if err != nil {
			return request, err
		}
		if request.FeatureGates, err = cluster.ParseGates(list); err != nil {
			return request, err
		}
	}
	err := readKubeletConfig(flags, &request)
	return request, err
}

func readKubeletConfig(flags *pflag.FlagSet, request *cluster.Request) error {
	if !flags.Changed("kubelet-config") {
		return nil
	}
	path, err := flags.GetString("kubelet-config")
	if err != nil {
		return err
	}
	var content []byte
	if path != "" { // "" goes back to the default
		if content, err = os.ReadFile(path); err != nil {
			return fmt.Errorf("--kubelet-config: %w", err)
		}
	}
	config := string(content)
	request.KubeletConfig = &config
	return nil
}
