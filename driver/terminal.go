package driver

import (
	"cmp"
	"context"
	"io"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

// Terminal is the caller's end of a terminal in a sandbox.
type Terminal struct {
	Stdin  io.Reader           // what is typed, Ctrl-C included; its end is typed as Ctrl-D
	Stdout io.Writer           // what the terminal shows: a terminal has no stderr; nil discards
	Sizes  <-chan TerminalSize // the size to begin with, if one is there already, and each later one; nil: the runtime's
}

// TerminalSize is in characters.
type TerminalSize struct {
	Width, Height uint16
}

// TerminalExecer is implemented by the sandboxes of this driver.
type TerminalExecer interface {
	// ExecTerminal is Exec for a command that has a terminal of its own, as an interactive shell wants it. TERM is what the container
	// runtime sets. An exit code is returned only if all that the command has shown has arrived. When ctx ends, or the connection breaks,
	// the command's terminal is hung up. Stdin and Sizes are not read any more after the return, but a Read that blocks is left behind.
	ExecTerminal(ctx context.Context, cmd []string, env map[string]string, workDir string, terminal Terminal) (orchestra.ContainerStatus, error)
}

var _ TerminalExecer = (*sandbox)(nil)

// ExecTerminal is described at TerminalExecer.
func (s *sandbox) ExecTerminal(ctx context.Context, cmd []string, env map[string]string, workDir string, terminal Terminal) (orchestra.ContainerStatus, error) {
	p := process{command: cmd, env: env, dir: workDir, stdin: terminal.Stdin, stdout: cmp.Or(terminal.Stdout, io.Discard), stderr: io.Discard}
	return s.run(ctx, p, func(ctx context.Context, p process, over func() error) (int, error) {
		return s.c.d.execTerminal(ctx, p, over, terminal.Sizes)
	})
}
