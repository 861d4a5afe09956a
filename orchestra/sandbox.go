package orchestra

import (
	"context"
	"io"
)

// SandboxDriver is implemented by drivers that can keep a container alive and run commands in it.
type SandboxDriver interface {
	// StartSandbox starts a container of the task's image, env, mounts, limits and user that waits for Exec; the task's
	// Command and Stdin are not used. It is idempotent by Task.ID like RunContainer, returns once commands can run, and
	// refuses what Task.Validate refuses. Driver.Close removes sandboxes too.
	StartSandbox(ctx context.Context, task Task) (Sandbox, error)
}

// Sandbox is a container that waits for commands. Its methods may be called by several goroutines at once.
type Sandbox interface {
	// ID is not "" and never changes.
	ID() string
	// Exec runs a command and waits for its end. env is added to the task's; workDir follows Task.WorkDir, "" being the
	// task's own. A nil stdin is an empty one; a nil stdout or stderr discards. Arguments, env values and workDir are literal.
	//
	// An exit code other than 0 is no error, and an error is never an exit code 0. When ctx ends, the process is ended and the
	// error is one for which errors.Is finds ctx.Err(). A sandbox that is gone is an error that says why.
	Exec(ctx context.Context, cmd []string, env map[string]string, workDir string,
		stdin io.Reader, stdout, stderr io.Writer) (ContainerStatus, error)
	// Cleanup ends running commands and removes the sandbox; its volumes stay. It is idempotent.
	Cleanup(ctx context.Context) error
}
