package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/orchestra-ci/orchestra-k8s/driver"
	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

// cleanupTimeout bounds the removal of a task that was interrupted.
const cleanupTimeout = 2 * time.Minute

type runFlags struct {
	task    taskFlags
	keep    bool
	volumes bool
}

func newRun(io streams, c *connection) *cobra.Command {
	var f runFlags
	command := &cobra.Command{
		Use:   "run ID --image IMAGE [flags] [-- COMMAND...]",
		Short: "Run a task, print its output and exit with its exit code",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			task, err := f.task.task(args[0], args[1:], io)
			if err != nil {
				return err
			}
			return runTask(command.Context(), io, c, f, task)
		},
	}
	f.task.add(command)
	command.Flags().BoolVar(&f.keep, "keep", false, "leave the task in the cluster when it has ended")
	command.Flags().BoolVar(&f.volumes, "remove-volumes", false, "remove the task's volumes, and what is in them, when it has ended")
	return command
}

// runTask follows the task to its end. Whatever happens, also an interrupt, the task is removed unless it is to be kept.
func runTask(ctx context.Context, io streams, c *connection, f runFlags, task orchestra.Task) (err error) {
	d, err := driver.New(ctx, c.cfg, c.logger(io.err))
	if err != nil {
		return err
	}
	// The driver is not closed: that would remove all that other programs run in the same scope.
	_, _ = fmt.Fprintln(io.err, "cluster:", d.Cluster())
	container, err := d.RunContainer(ctx, task)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(io.err, "task %q runs as %s\n", task.ID, container.ID())
	if !f.keep {
		defer func() {
			err = errors.Join(err, remove(context.WithoutCancel(ctx), d, container, f, task))
		}()
	}
	return follow(ctx, io, container)
}

// follow prints the task's output until it has ended and returns its exit code as an error unless it is 0.
func follow(ctx context.Context, io streams, container orchestra.Container) error {
	if err := container.Logs(ctx, io.out, io.err, true); err != nil {
		return err
	}
	status, err := container.(orchestra.Waiter).Wait(ctx)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(io.err, "exit code %d", status.ExitCode())
	if why, ok := status.(orchestra.Explainer); ok && status.ExitCode() != 0 {
		_, _ = fmt.Fprintf(io.err, ": %s: %s", why.Reason(), why.Message())
	}
	_, _ = fmt.Fprintln(io.err)
	if status.ExitCode() != 0 {
		return exitError{status.ExitCode()}
	}
	return nil
}

// remove cleans up after the task, interrupted or not.
func remove(ctx context.Context, d *driver.Driver, container orchestra.Container, f runFlags, task orchestra.Task) error {
	ctx, cancel := context.WithTimeout(ctx, cleanupTimeout)
	defer cancel()
	if err := container.Cleanup(ctx); err != nil {
		return fmt.Errorf("cleaning up: %w", err)
	}
	if !f.volumes {
		return nil
	}
	for _, mount := range task.Mounts {
		volume, err := d.CreateVolume(ctx, mount.Name, 0)
		if err != nil {
			return fmt.Errorf("cleaning up: %w", err)
		}
		if err := volume.Cleanup(ctx); err != nil {
			return fmt.Errorf("cleaning up: %w", err)
		}
	}
	return nil
}
