package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/orchestra-ci/orchestra-k8s/driver"
	"github.com/orchestra-ci/orchestra-k8s/internal/terminal"
	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

func newWait(c *cli) *cobra.Command {
	var timeout time.Duration
	command := &cobra.Command{
		Use:   "wait ID...",
		Short: "Wait until tasks have ended",
		Long: `Wait until all of the tasks have ended, and print a line for each as it ends: its ID, its exit code and the reason.

The exit code is 0 if all of them succeeded, else that of the first in the order of the arguments that did not; 125 says that the waiting went wrong.`,
		Example: `  kubectl orchestra wait build-7 hello
  kubectl orchestra wait --timeout 10m build-7`,
		Args:              cobra.MinimumNArgs(1),
		Annotations:       map[string]string{passesExitCode: "yes"},
		ValidArgsFunction: c.completeTasks,
		RunE: func(command *cobra.Command, args []string) error {
			return c.with(command.Context(), func(d *driver.Driver) error { return c.waitAll(command.Context(), d, args, timeout) })
		},
	}
	command.Flags().DurationVar(&timeout, "timeout", 0, "give up after this time (default: never)")
	return command
}

func (c *cli) waitAll(ctx context.Context, d *driver.Driver, ids []string, timeout time.Duration) error {
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, timeout, stillRunning(timeout))
		defer cancel()
	}
	codes, errs := make([]int, len(ids)), make([]error, len(ids))
	var waiting sync.WaitGroup
	var printing sync.Mutex
	for i, id := range ids {
		waiting.Go(func() {
			status, err := waitOne(ctx, d, id)
			if err != nil {
				errs[i] = err
				return
			}
			printing.Lock()
			defer printing.Unlock()
			codes[i] = status.ExitCode()
			why, _ := status.(orchestra.Explainer)
			errs[i] = c.print(fmt.Sprintf("%s %d %s\n", terminal.Line(id), status.ExitCode(), why.Reason()))
		})
	}
	waiting.Wait()
	if err := errors.Join(errs...); err != nil {
		if timedOut := new(hinted); errors.As(context.Cause(ctx), timedOut) {
			return *timedOut
		}
		return err
	}
	for _, code := range codes {
		if code != 0 {
			return silentExit{code}
		}
	}
	return nil
}

func stillRunning(timeout time.Duration) error {
	return hinted{fmt.Errorf("not all have ended within %s", timeout), "They go on; `kubectl orchestra ps` shows where they are."}
}

func waitOne(ctx context.Context, d *driver.Driver, id string) (orchestra.ContainerStatus, error) {
	container, err := d.FindTask(ctx, id)
	if err != nil {
		return nil, err
	}
	return container.(orchestra.Waiter).Wait(ctx)
}
