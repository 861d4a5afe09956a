package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/orchestra-ci/orchestra-k8s/driver"
	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

func newShell(c *cli) *cobra.Command {
	var f taskFlags
	var remove bool
	var program string
	command := &cobra.Command{
		Use:   "shell [ID] [--image IMAGE] [flags]",
		Short: "Type commands into a sandbox",
		Long: `Type commands into a shell of a sandbox until exit or Ctrl-D. At a terminal the shell has one of its own, of the same size: Ctrl-C goes to it, and
programs that draw on the screen work. Without one, as in a script, it reads lines, and its stdout and stderr stay apart.
--image (or -f) starts the sandbox of this ID if there is none; without an ID it gets a new one.`,
		Example: `  echo 'ls -d /tmp; exit' | kubectl orchestra shell box --image busybox
  echo 'id -u' | kubectl orchestra shell --image busybox --user 1000 --rm`,
		Args:              taskArgs,
		Annotations:       map[string]string{passesExitCode: "yes", worksInSandboxes: "yes"},
		ValidArgsFunction: c.completeTask,
		RunE: func(command *cobra.Command, args []string) error {
			f.stdin = true
			if f.file == "-" {
				return usageError{errors.New("flag --file -: standard input is for the shell")}
			}
			return c.inSandbox(command, &f, args, func(s orchestra.Sandbox, task orchestra.Task) error {
				err := c.converse(command.Context(), s, task, program)
				if !remove {
					c.say("sandbox %q stays; `kubectl orchestra rm %s` removes it", task.ID, task.ID)
					return err
				}
				ctx, cancel := context.WithTimeout(context.WithoutCancel(command.Context()), cleanupTimeout)
				defer cancel()
				return errors.Join(err, s.Cleanup(ctx))
			})
		},
	}
	f.add(command)
	_ = command.Flags().MarkHidden("stdin") // a shell always has it
	command.Flags().BoolVar(&remove, "rm", false, "remove the sandbox in the end")
	command.Flags().StringVar(&program, "program", "sh", "the shell; it must be in the image")
	return command
}

// converse runs the shell: in a terminal if somebody types at one.
func (c *cli) converse(ctx context.Context, s orchestra.Sandbox, task orchestra.Task, program string) error {
	e := execution{command: []string{program}, env: task.Env, workDir: task.WorkDir, stdin: task.Stdin}
	var err error
	if c.typing != nil {
		c.say("sandbox %q; exit or Ctrl-D ends", task.ID)
		err = c.execTerminal(ctx, s, e)
	} else {
		err = c.exec(ctx, s, e)
	}
	if _, done := errors.AsType[silentExit](err); err != nil && !done && ctx.Err() == nil {
		return fmt.Errorf("running a shell: %w", err)
	}
	return err
}

// execTerminal joins the user's terminal with one in the sandbox.
func (c *cli) execTerminal(ctx context.Context, s orchestra.Sandbox, e execution) error {
	terminals, ok := s.(driver.TerminalExecer)
	if !ok {
		return errors.New("this driver's sandboxes have no terminals")
	}
	raw, err := c.typing.Raw()
	if err != nil {
		return fmt.Errorf("taking the terminal: %w", err)
	}
	defer raw.End()
	sizes := make(chan driver.TerminalSize, 1)
	following, stop := context.WithCancel(ctx)
	defer stop()
	go raw.FollowSize(following, func(width, height uint16) { tell(following, sizes, driver.TerminalSize{Width: width, Height: height}) })
	status, err := terminals.ExecTerminal(ctx, e.command, e.env, e.workDir, driver.Terminal{Stdin: raw, Stdout: c.out, Sizes: sizes})
	switch {
	case err != nil:
		return err
	case status.ExitCode() != 0:
		return silentExit{status.ExitCode()}
	}
	return nil
}

func tell(ctx context.Context, sizes chan<- driver.TerminalSize, size driver.TerminalSize) {
	select {
	case sizes <- size:
	case <-ctx.Done():
	}
}
