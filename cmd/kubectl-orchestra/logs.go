package main

import (
	"github.com/spf13/cobra"

	"github.com/orchestra-ci/orchestra-k8s/driver"
)

func newLogs(c *cli) *cobra.Command {
	var follow bool
	command := &cobra.Command{
		Use:   "logs [-f] ID",
		Short: "Print what a task has written",
		Long: `Print what a task has written to its stdout and stderr, each to its own stream where the cluster keeps them apart.

With -f the command goes on until the task has ended. It survives cuts of the connection, and says so when the node has thrown lines away.`,
		Example: `  kubectl orchestra logs build-7
  kubectl orchestra logs -f build-7`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: c.completeTask,
		RunE: func(command *cobra.Command, args []string) error {
			return c.with(command.Context(), func(d *driver.Driver) error {
				container, err := d.FindTask(command.Context(), args[0])
				if err != nil {
					return err
				}
				return c.copyLogs(command.Context(), container, follow)
			})
		},
	}
	command.Flags().BoolVarP(&follow, "follow", "f", false, "go on until the task has ended")
	return command
}
