package main

import (
	"context"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/orchestra-ci/orchestra-k8s/driver"
	"github.com/orchestra-ci/orchestra-k8s/internal/terminal"
	"github.com/orchestra-ci/orchestra-k8s/render"
)

// completionTimeout bounds what a press of the tab key may cost.
const completionTimeout = 3 * time.Second

// completeTasks offers the IDs of live tasks that are not on the command line yet. A cluster that does not answer offers nothing.
func (c *cli) completeTasks(command *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	return c.complete(func(ctx context.Context, d *driver.Driver) (offers []string, err error) {
		tasks, err := d.Tasks(ctx)
		for _, task := range tasks {
			wanted := !ofSandboxes(command) || task.Role == render.RoleSandbox
			if wanted && offerable(args, task.ID) {
				offers = append(offers, cobra.CompletionWithDesc(task.ID, terminal.Line(task.Reason)))
			}
		}
		return offers, err
	})
}

// completeTask is completeTasks for a command that takes one ID.
func (c *cli) completeTask(command *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return c.completeTasks(command, args, word)
}

// worksInSandboxes annotates commands whose ID is a sandbox's.
const worksInSandboxes = "works-in-sandboxes"

func ofSandboxes(command *cobra.Command) bool { return command.Annotations[worksInSandboxes] != "" }

// completeVolumes offers the names of volumes.
func (c *cli) completeVolumes(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	return c.complete(func(ctx context.Context, d *driver.Driver) (offers []string, err error) {
		volumes, err := d.Volumes(ctx)
		for _, volume := range volumes {
			if offerable(args, volume.Name) {
				offers = append(offers, cobra.CompletionWithDesc(volume.Name, terminal.Line(volume.Phase)))
			}
		}
		return offers, err
	})
}

// offerable says whether a name is worth an offer: it is not on the command line yet, and a shell can show it as it is. Any text can be the
// ID of a task; one with an escape sequence would have to be changed for the terminal, and then be nobody's.
func offerable(args []string, name string) bool {
	return !slices.Contains(args, name) && terminal.Line(name) == name
}

func (c *cli) complete(ask func(context.Context, *driver.Driver) ([]string, error)) ([]string, cobra.ShellCompDirective) {
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
