package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

func newShell(c *cli) *cobra.Command {
	var f taskFlags
	var remove bool
	var program string
	command := &cobra.Command{
		Use:   "shell [ID] [--image IMAGE] [flags]",
		Short: "Type commands into a sandbox",
		Long: `Type commands into a shell of a sandbox, line by line, until exit or Ctrl-D. There is no terminal in the sandbox: what you type is edited on your side,
and programs that draw on the screen do not work. --image (or -f) starts the sandbox of this ID if there is none; without an ID it gets a new one.`,
		Example: `  echo 'ls -d /tmp; exit' | kubectl orchestra shell box --image busybox
  echo 'id -u' | kubectl orchestra shell --image busybox --user 1000 --rm`,
		Args:              taskArgs,
		Annotations:       map[string]string{passesExitCode: "yes"},
		ValidArgsFunction: c.completeTasks,
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

// converse runs the shell: with prompts if somebody types.
func (c *cli) converse(ctx context.Context, s orchestra.Sandbox, task orchestra.Task, program string) error {
	words := []string{program}
	if c.conversing {
		c.say("sandbox %q; exit or Ctrl-D ends", task.ID)
		words = append(words, "-i")
	}
	err := c.exec(ctx, s, execution{command: words, env: task.Env, workDir: task.WorkDir, stdin: task.Stdin})
	if _, done := errors.AsType[silentExit](err); err != nil && !done && ctx.Err() == nil {
		return fmt.Errorf("running a shell: %w", err)
	}
	return err
}
