package main

import (
	"context"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/orchestra-ci/orchestra-k8s/driver"
)

// completionTimeout bounds what a press of the tab key may cost.
const completionTimeout = 3 * time.Second

// completeTasks offers the IDs of live tasks that are not on the command line yet. A cluster that does not answer offers nothing.
func (c *cli) completeTasks(command *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	return c.complete(command, args, func(ctx context.Context, d *driver.Driver) (offers []string, err error) {
		tasks, err := d.Tasks(ctx)
		for _, task := range tasks {
			offers = append(offers, cobra.CompletionWithDesc(task.ID, task.Reason))
			if slices.Contains(args, task.ID) {
				offers = offers[:len(offers)-1]
			}
		}
		return offers, err
	})
}

// completeVolumes offers the names of volumes.
func (c *cli) completeVolumes(command *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	return c.complete(command, args, func(ctx context.Context, d *driver.Driver) (offers []string, err error) {
		volumes, err := d.Volumes(ctx)
		for _, volume := range volumes {
			if !slices.Contains(args, volume.Name) {
				offers = append(offers, cobra.CompletionWithDesc(volume.Name, volume.Phase))
			}
		}
		return offers, err
	})
}

func (c *cli) complete(command *cobra.Command, args []string, ask func(context.Context, *driver.Driver) ([]string, error)) ([]string, cobra.ShellCompDirective) {
	if command.Args != nil && command.Args(command, append(slices.Clone(args), "next")) != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp // no further argument is possible
	}
	ctx, cancel := context.WithTimeout(context.Background(), completionTimeout)
	defer cancel()
	c.timeout = completionTimeout
	var offers []string
	err := c.with(ctx, func(d *driver.Driver) (err error) {
		offers, err = ask(ctx, d)
		return err
	})
	if err != nil {
		cobra.CompDebugln(err.Error(), false)
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return offers, cobra.ShellCompDirectiveNoFileComp
}
