package main

import (
	"context"
	"errors"
	"sync"

	"github.com/spf13/cobra"

	"github.com/orchestra-ci/orchestra-k8s/driver"
	"github.com/orchestra-ci/orchestra-k8s/internal/terminal"
)

func newRm(c *cli) *cobra.Command {
	return &cobra.Command{
		Use:   "rm ID...",
		Short: "Stop tasks and remove them",
		Long: `Stop tasks if they run, and remove them with their extra objects. Volumes stay; volumes rm removes those. The IDs that were removed are
printed, one a line.`,
		Example:           "  kubectl orchestra rm build-7 hello",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: c.completeTasks,
		RunE: func(command *cobra.Command, args []string) error {
			return c.with(command.Context(), func(d *driver.Driver) error {
				return c.each(args, func(id string) error { return removeTask(command.Context(), d, id) })
			})
		},
	}
}

func removeTask(ctx context.Context, d *driver.Driver, id string) error {
	container, err := d.FindTask(ctx, id)
	if err != nil {
		return err
	}
	return container.Cleanup(ctx)
}

// each does something to all names at the same time, and prints those for which it succeeded, in their order.
func (c *cli) each(names []string, do func(name string) error) error {
	errs := make([]error, len(names))
	var working sync.WaitGroup
	for i, name := range names {
		working.Go(func() { errs[i] = do(name) })
	}
	working.Wait()
	for i, name := range names {
		if errs[i] == nil {
			errs[i] = c.print(terminal.Line(name) + "\n")
		}
	}
	return errors.Join(errs...)
}
