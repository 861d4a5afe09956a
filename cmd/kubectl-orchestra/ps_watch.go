package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/orchestra-ci/orchestra-k8s/driver"
	"github.com/orchestra-ci/orchestra-k8s/internal/terminal"
)

// watchTasks shows the tasks until it is interrupted: the whole table in place on a terminal, else what has changed.
func (c *cli) watchTasks(ctx context.Context, d *driver.Driver, out *output) error {
	if out.format == asYAML || out.format == asName {
		return usageError{fmt.Errorf("flags --watch and --output %s: want no --output, wide or json", out.format)}
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	show := c.changes(out)
	if c.screen && out.format != asJSON {
		show = c.inPlace(out)
	}
	err := d.WatchTasks(ctx, func(tasks []driver.TaskInfo) {
		if err := show(tasks); err != nil {
			stop(err)
		}
	})
	if cause := context.Cause(ctx); err == nil && cause != nil && !errors.As(cause, new(interrupted)) {
		return cause
	}
	return errors.Join(err, ctx.Err())
}

// inPlace writes the whole table again and again.
func (c *cli) inPlace(out *output) func([]driver.TaskInfo) error {
	block := terminal.NewBlock(c.out, c.width)
	return func(tasks []driver.TaskInfo) error { return block.Show(c.taskTable(out, tasks, time.Now())) }
}

// changes prints each task when it is first seen and when it has changed.
func (c *cli) changes(out *output) func([]driver.TaskInfo) error {
	seen := map[string]driver.TaskInfo{}
	return func(tasks []driver.TaskInfo) error {
		now := map[string]driver.TaskInfo{}
		for _, task := range tasks {
			now[task.Container] = task
			if seen[task.Container] == task {
				continue
			}
			if err := c.printChange(out, task); err != nil {
				return err
			}
		}
		seen = now
		return nil
	}
}

func (c *cli) printChange(out *output, task driver.TaskInfo) error {
	if out.format != asJSON {
		return c.print(fmt.Sprintf("%s %s %d\n", terminal.Line(task.ID), task.Reason, task.ExitCode))
	}
	line, err := json.Marshal(task)
	if err != nil {
		return fmt.Errorf("encoding task %q: %w", task.ID, err)
	}
	return c.print(string(line) + "\n")
}
