package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/orchestra-ci/orchestra-k8s/driver"
	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

func newExec(c *cli) *cobra.Command {
	var f taskFlags
	command := &cobra.Command{
		Use:   "exec ID [--image IMAGE] [flags] -- COMMAND...",
		Short: "Run a command in a sandbox",
		Long: `Run a command in a sandbox, with its own stdout and stderr, and exit with its exit code; 125 says that something around it went wrong.

A sandbox is a pod that waits for commands. --image (or -f) starts the sandbox of this ID if there is none; the flags of its volumes, limits and user
count then, and stay as they are for an existing one. -e and -w are for the command. The command rm removes the sandbox. Ctrl-C ends the command.`,
		Example: `  kubectl orchestra exec box --image busybox -- sh -c 'date > now'
  echo from stdin | kubectl orchestra exec box -i -e NAME=value -- sh -c 'cat; echo "$NAME"'`,
		Args:              execArgs,
		Annotations:       map[string]string{passesExitCode: "yes", worksInSandboxes: "yes"},
		ValidArgsFunction: c.completeTask,
		RunE: func(command *cobra.Command, args []string) error {
			return c.inSandbox(command, &f, args, func(s orchestra.Sandbox, task orchestra.Task) error {
				return c.exec(command.Context(), s, execution{command: task.Command, env: task.Env, workDir: f.workDir, stdin: task.Stdin})
			})
		},
	}
	f.add(command)
	return command
}

func execArgs(command *cobra.Command, args []string) error {
	if dash := command.ArgsLenAtDash(); dash != 1 || len(args) < 2 {
		return fmt.Errorf("want an ID and a command after --, as in `%s ID -- COMMAND`", command.CommandPath())
	}
	return nil
}

// execution is one command of a sandbox.
type execution struct {
	command []string
	env     map[string]string
	workDir string
	stdin   io.Reader
}

func (c *cli) exec(ctx context.Context, s orchestra.Sandbox, e execution) error {
	status, err := s.Exec(ctx, e.command, e.env, e.workDir, e.stdin, c.out, c.err)
	if err != nil {
		return err
	}
	if status.ExitCode() != 0 {
		return silentExit{status.ExitCode()}
	}
	return nil
}

// inSandbox finds the sandbox, or starts it where the command line says how.
func (c *cli) inSandbox(command *cobra.Command, f *taskFlags, args []string, do func(orchestra.Sandbox, orchestra.Task) error) error {
	task, err := f.describe(command, args, c.in)
	if err != nil {
		return err
	}
	return c.with(command.Context(), func(d *driver.Driver) error {
		s, err := c.sandbox(command.Context(), d, task)
		if err != nil {
			return err
		}
		return do(s, task)
	})
}

func (c *cli) sandbox(ctx context.Context, d *driver.Driver, task orchestra.Task) (orchestra.Sandbox, error) {
	if task.Image != "" {
		started := task
		started.Command, started.Stdin, started.Env, started.WorkDir = nil, nil, nil, ""
		return d.StartSandbox(ctx, started)
	}
	s, err := d.FindSandbox(ctx, task.ID)
	if errors.Is(err, orchestra.ErrContainerNotFound) {
		err = hinted{fmt.Errorf("finding sandbox %q: %w", task.ID, orchestra.ErrContainerNotFound), "--image IMAGE starts one."}
	}
	return s, err
}
