package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/build"
	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/cluster"
	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/hostpath"
	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/layout"
	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/preflight"
	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/progress"
	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/registry"
)

// opener returns the cluster that --name names, once flags are parsed.
type opener func() (*cluster.Cluster, error)

func newCommand(module build.Module) *cobra.Command {
	root := &cobra.Command{
		Use:           "devcluster",
		Short:         "A real Kubernetes on this machine, for developing and testing",
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
	}
	name := root.PersistentFlags().String("name", layout.Default, "which cluster; several can run side by side")
	open := func() (*cluster.Cluster, error) {
		files, err := layout.For(*name)
		if err != nil {
			return nil, err
		}
		return cluster.New(files, module, progress.New(os.Stderr)), nil
	}
	root.AddCommand(
		upCommand(open), downCommand(open), statusCommand(open), kubeconfigCommand(open), kubectlCommand(open),
		logsCommand(open), restartCommand(open), stopCommand(open), checkNodeCommand(), serveRegistryCommand(), openVolumesCommand(),
	)
	return root
}

func downCommand(open opener) *cobra.Command {
	return &cobra.Command{
		Use:   "down",
		Short: "Stop the cluster and remove everything of it from this machine",
		Args:  cobra.NoArgs,
		RunE: with(open, func(ctx context.Context, c *cluster.Cluster, _ []string) error {
			return c.Down(ctx)
		}),
	}
}

func statusCommand(open opener) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show what runs; exit code 1 if anything is not healthy",
		Args:  cobra.NoArgs,
		RunE: with(open, func(ctx context.Context, c *cluster.Cluster, _ []string) error {
			return c.Status(ctx, os.Stdout)
		}),
	}
}

func kubeconfigCommand(open opener) *cobra.Command {
	return &cobra.Command{
		Use:   "kubeconfig",
		Short: "Print the path of the cluster's kubeconfig",
		Args:  cobra.NoArgs,
		RunE: with(open, func(ctx context.Context, c *cluster.Cluster, _ []string) error {
			if err := c.Ready(ctx); err != nil {
				return err
			}
			_, err := fmt.Println(c.Kubeconfig())
			return err
		}),
	}
}

func kubectlCommand(open opener) *cobra.Command {
	return &cobra.Command{
		Use:   "kubectl",
		Short: "Print the path of a kubectl of the cluster's version, after building it if it is not there",
		Args:  cobra.NoArgs,
		RunE: with(open, func(ctx context.Context, c *cluster.Cluster, _ []string) error {
			path, err := c.Kubectl(ctx)
			if err != nil {
				return err
			}
			_, err = fmt.Println(path)
			return err
		}),
	}
}

func logsCommand(open opener) *cobra.Command {
	var follow bool
	command := &cobra.Command{
		Use:   "logs COMPONENT",
		Short: "Print the log of a component, such as kubelet or kube-apiserver",
		Args:  cobra.ExactArgs(1),
		RunE: with(open, func(ctx context.Context, c *cluster.Cluster, args []string) error {
			return c.Logs(ctx, args[0], follow, os.Stdout)
		}),
	}
	command.Flags().BoolVarP(&follow, "follow", "f", false, "go on until interrupted")
	return command
}

func restartCommand(open opener) *cobra.Command {
	var kill bool
	command := &cobra.Command{
		Use:   "restart COMPONENT",
		Short: "End a component, start it again and wait until it is healthy",
		Args:  cobra.ExactArgs(1),
		RunE: with(open, func(ctx context.Context, c *cluster.Cluster, args []string) error {
			return c.Restart(ctx, args[0], kill)
		}),
	}
	command.Flags().BoolVar(&kill, "kill", false, "end it as in a crash, with SIGKILL")
	return command
}

func stopCommand(open opener) *cobra.Command {
	var kill bool
	command := &cobra.Command{
		Use:   "stop COMPONENT",
		Short: "End a component, until restart brings it back",
		Args:  cobra.ExactArgs(1),
		RunE: with(open, func(ctx context.Context, c *cluster.Cluster, args []string) error {
			return c.Stop(ctx, args[0], kill)
		}),
	}
	command.Flags().BoolVar(&kill, "kill", false, "end it as in a crash, with SIGKILL")
	return command
}

// errNoNode gives check-node an exit code of its own.
var errNoNode = errors.New("no node")

func checkNodeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check-node",
		Short: "Tell whether a real node can run on this machine; exit code 3 if not",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if err := preflight.Look().Check(); err != nil {
				return fmt.Errorf("%w: %w", errNoNode, err)
			}
			return nil
		},
	}
}

func serveRegistryCommand() *cobra.Command {
	return &cobra.Command{
		Use:    cluster.ServeRegistry + " CONFIG",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			config, err := registry.ReadConfig(args[0])
			if err != nil {
				return err
			}
			return registry.Serve(command.Context(), config)
		},
	}
}

func openVolumesCommand() *cobra.Command {
	return &cobra.Command{
		Use:    cluster.OpenVolumes + " FOLDER",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			return hostpath.Open(command.Context(), args[0])
		},
	}
}

// with gives a command's action the cluster that it is about.
func with(open opener, action func(context.Context, *cluster.Cluster, []string) error) func(*cobra.Command, []string) error {
	return func(command *cobra.Command, args []string) error {
		c, err := open()
		if err != nil {
			return err
		}
		return action(command.Context(), c, args)
	}
}
