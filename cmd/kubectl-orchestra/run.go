package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/orchestra-ci/orchestra-k8s/driver"
	"github.com/orchestra-ci/orchestra-k8s/internal/terminal"
	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

// cleanupTimeout bounds the removal of a task that was interrupted.
const cleanupTimeout = 2 * time.Minute

type runFlags struct {
	task          taskFlags
	remove        bool
	removeVolumes bool
	detach        bool
}

func newRun(c *cli) *cobra.Command {
	var f runFlags
	command := &cobra.Command{
		Use:   "run [ID] --image IMAGE [flags] [-- COMMAND...]",
		Short: "Run a task, print its output and exit with its exit code",
		Long: `Run a task, print its output as it comes, and exit with its exit code; 125 says that something around the task went wrong.

Without an ID the task gets a new one. The same ID again finds the task that runs or has run already; --rm or the command rm make the ID
free. Ctrl-C stops the task and removes it, as does a reader of the output that leaves; a second Ctrl-C leaves at once.`,
		Example: `  kubectl orchestra run hello --image busybox -- echo hello
  kubectl orchestra run build-7 --image busybox -e GREETING=hi -v cache:cache:2 --cpu 0.5 --memory 64Mi -- sh -c 'echo "$GREETING" | tee cache/log'
  echo from stdin | kubectl orchestra run -i --rm --image busybox -- cat`,
		Args:        taskArgs,
		Annotations: map[string]string{passesExitCode: "yes"},
		RunE: func(command *cobra.Command, args []string) error {
			task, err := f.task.task(command, args, c.in)
			if err != nil {
				return err
			}
			if err := f.check(); err != nil {
				return usageError{err}
			}
			return c.with(command.Context(), func(d *driver.Driver) error { return c.runTask(command.Context(), d, f, task) })
		},
	}
	f.task.add(command)
	command.Flags().BoolVar(&f.remove, "rm", false, "remove the task when it has ended")
	command.Flags().BoolVar(&f.removeVolumes, "remove-volumes", false, "with --rm: remove also the task's volumes, and what is in them")
	command.Flags().BoolVarP(&f.detach, "detach", "d", false, "print the task's ID and leave it running")
	return command
}

func (f *runFlags) check() error {
	var problems []error
	if f.detach && f.remove {
		problems = append(problems, errors.New("flags --detach and --rm: nobody is left to remove the task; use the command rm or sweep"))
	}
	if f.detach && f.task.stdin {
		problems = append(problems, errors.New("flags --detach and --stdin: nobody is left to send the input"))
	}
	if f.removeVolumes && !f.remove {
		problems = append(problems, errors.New("flag --remove-volumes: it needs --rm"))
	}
	return errors.Join(problems...)
}

// runTask starts the task and, unless it is detached, follows it to its end. An interrupted task is removed.
func (c *cli) runTask(ctx context.Context, d *driver.Driver, f runFlags, task orchestra.Task) error {
	c.sayStyled(c.errorColour.Faint(terminal.Clean("cluster: " + d.Cluster())))
	container, err := d.RunContainer(ctx, task)
	if err != nil {
		return err
	}
	if f.detach {
		c.say("task %q runs as %s; `kubectl orchestra logs -f %s` follows it", task.ID, container.ID(), task.ID)
		return c.print(terminal.Line(task.ID) + "\n")
	}
	c.say("task %q runs as %s", task.ID, container.ID())
	err = c.follow(ctx, d, task.ID, container)
	if ctx.Err() != nil {
		c.say("%s: removing task %q (again to leave at once) ...", context.Cause(ctx), task.ID)
	}
	if f.remove || ctx.Err() != nil {
		err = errors.Join(err, cleanUp(context.WithoutCancel(ctx), d, container, f, task))
	}
	return err
}

// follow prints the task's output until it has ended and returns its exit code as an error unless it is 0.
func (c *cli) follow(ctx context.Context, d *driver.Driver, id string, container orchestra.Container) error {
	if err := c.awaitStart(ctx, d, id, container); err != nil {
		return err
	}
	if err := c.copyLogs(ctx, container, true); err != nil {
		return err
	}
	status, err := container.(orchestra.Waiter).Wait(ctx)
	if err != nil {
		return err
	}
	c.say("%s", c.ending(id, status))
	if status.ExitCode() != 0 {
		return silentExit{status.ExitCode()}
	}
	return nil
}

// copyLogs prints the task's output. A gap in it is worth a warning; the task's own end is still worth knowing.
func (c *cli) copyLogs(ctx context.Context, container orchestra.Container, follow bool) error {
	err := container.Logs(ctx, c.out, c.err, follow)
	var gap *driver.LogGapError
	if errors.As(err, &gap) && ctx.Err() == nil {
		c.say("warning: %v", err)
		return nil
	}
	return err
}

// ending says in one line how a task has ended.
func (c *cli) ending(id string, status orchestra.ContainerStatus) string {
	text := fmt.Sprintf("task %q: exit code %d", id, status.ExitCode())
	if status.ExitCode() == 0 {
		return text
	}
	if why, ok := status.(orchestra.Explainer); ok {
		text += ": " + why.Reason() + ": " + terminal.Line(why.Message())
	}
	return text
}

// cleanUp removes the task, interrupted or not.
func cleanUp(ctx context.Context, d *driver.Driver, container orchestra.Container, f runFlags, task orchestra.Task) error {
	ctx, cancel := context.WithTimeout(ctx, cleanupTimeout)
	defer cancel()
	if err := container.Cleanup(ctx); err != nil {
		return hinted{err, fmt.Sprintf("`kubectl orchestra rm %s` tries again.", task.ID)}
	}
	if !f.removeVolumes {
		return nil
	}
	var names []string
	for _, mount := range task.Mounts {
		names = append(names, mount.Name)
	}
	return removeVolumes(ctx, d, names)
}
