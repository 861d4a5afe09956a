package main

import (
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/orchestra-ci/orchestra-k8s/driver"
	"github.com/orchestra-ci/orchestra-k8s/internal/terminal"
)

// sweptAfter is the default of --older-than: longer than any pause of a living driver.
const sweptAfter = time.Hour

func newSweep(c *cli) *cobra.Command {
	var olderThan time.Duration
	command := &cobra.Command{
		Use:   "sweep",
		Short: "Remove what dead processes have left in the scope",
		Long: `Remove what dead processes have left in the scope: tasks, volumes and what belongs to them, whose every user has given no sign of life for
longer than --older-than. What a living process uses stays, however old it is. Tasks that were started with --detach have no living process.
What was removed is printed, one object a line.`,
		Example: "  kubectl orchestra sweep --older-than 24h",
		Args:    cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return c.with(command.Context(), func(d *driver.Driver) error {
				removed, err := d.Sweep(command.Context(), olderThan)
				if len(removed) > 0 {
					if printErr := c.print(terminal.Clean(strings.Join(removed, "\n")) + "\n"); printErr != nil {
						return printErr
					}
				}
				return err
			})
		},
	}
	command.Flags().DurationVar(&olderThan, "older-than", sweptAfter, "how long nobody must have given a sign of life; at least 1m")
	return command
}
