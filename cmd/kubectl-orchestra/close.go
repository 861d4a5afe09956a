package main

import (
	"bufio"
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/orchestra-ci/orchestra-k8s/driver"
)

func newClose(c *cli) *cobra.Command {
	var yes bool
	command := &cobra.Command{
		Use:   "close",
		Short: "Remove everything of the scope: tasks, volumes and what belongs to them",
		Long: `Remove everything of the scope: tasks, running ones included, sandboxes, volumes with what is in them, and all objects that belong to them,
whoever made them. Other scopes are not touched. Without --yes you are asked first.`,
		Example: "  kubectl orchestra close --yes",
		Args:    cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return c.with(command.Context(), func(d *driver.Driver) error {
				if !yes {
					if err := c.confirmClose(command.Context(), d); err != nil {
						return err
					}
				}
				return d.Close()
			})
		},
	}
	command.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return command
}

func (c *cli) confirmClose(ctx context.Context, d *driver.Driver) error {
	tasks, err := d.Tasks(ctx)
	if err != nil {
		return err
	}
	volumes, err := d.Volumes(ctx)
	if err != nil {
		return err
	}
	what := fmt.Sprintf("%d tasks and %d volumes of scope %q on %s", len(tasks), len(volumes), c.cfg.Namespace, d.Cluster())
	if !c.conversing {
		return hinted{fmt.Errorf("closing would remove %s", what), "Nobody can be asked here: give --yes."}
	}
	c.say("This removes %s, with all data. Type yes to go on:", what)
	answer, _ := bufio.NewReader(c.in).ReadString('\n') // no answer is no yes
	if strings.TrimSpace(answer) != "yes" {
		return hinted{fmt.Errorf("nothing was removed"), "Only yes removes."}
	}
	return nil
}
