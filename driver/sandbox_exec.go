package driver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
	"github.com/orchestra-ci/orchestra-k8s/render"
)

// Exec runs a command in the sandbox and returns when it has ended and all that it wrote has arrived. Commands may run side by side. An
// exit code of 127 also means that there is no such program, and 126 that it cannot be executed; stderr says which.
//
// cmd is a program and its arguments. A program without a slash is looked for in the PATH that it will see. env is added to the sandbox's; of
// its variables a command does not get those whose names no shell can hold, such as those with a dot, unless env has them. workDir
// may be relative, to the task's root; a directory that does not exist is an error.
//
// When ctx ends, or the connection breaks, the command is killed with its process group before Exec returns an error; but when ctx has ended
// Exec waits no longer than half a second for that, which then goes on in the background. What the command has started in sessions of their
// own, and what a command that ended well has left in the background, goes on until Cleanup. A stdin that is cut is never seen as its end by
// the command, unless the shell that hands it on was killed inside of the sandbox; then Exec returns an error. A stdin that blocks in Read is
// left behind. A network that falls silent breaks the connection when TCP gives up, which takes minutes: a deadline of ctx is sooner.
func (s *sandbox) Exec(ctx context.Context, cmd []string, env map[string]string, workDir string, //nolint:revive // the contract's
	stdin io.Reader, stdout, stderr io.Writer,
) (orchestra.ContainerStatus, error) {
	return s.run(ctx, process{
		command: cmd, env: env, dir: workDir, frame: stdinFrame,
		stdin: stdin, stdout: cmp.Or(stdout, io.Discard), stderr: cmp.Or(stderr, io.Discard),
	}, s.c.d.exec)
}

// run runs a command in the sandbox to its end.
func (s *sandbox) run(ctx context.Context, p process, exec runner) (orchestra.ContainerStatus, error) {
	ctx, leave, err := s.c.d.enter(ctx)
	if err != nil {
		return nil, fmt.Errorf("running %q in sandbox %s: %w", p.command, s.c.id, err)
	}
	defer leave()
	p.pod, p.tool = s.c.pod(), toolsPath
	if p.dir != "" {
		p.dir = render.WorkDir(s.c.id, p.dir)
	}
	err = p.validate()
	code := 0
	if err == nil {
		code, err = s.c.whileRunning(ctx, p, exec)
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("running %q in sandbox %s: %w", p.command, s.c.id, closedOr(ctx, err))
	case code != 0:
		return commandEnded(code), nil
	}
	return status{done: true, reason: ReasonCompleted}, nil
}

// commandEnded is the status of a command that has failed. The caller has got all that it wrote, so there is no log to read.
func commandEnded(code int) status {
	words := fmt.Sprintf("The command ended with exit code %d", code)
	return status{done: true, exitCode: code, reason: ReasonError, message: sentences(words, killedHint(code, render.RoleSandbox))}
}

// validate reports what no process can be given.
func (p process) validate() error {
	if len(p.command) == 0 || p.command[0] == "" {
		return errors.New("the command is empty")
	}
	var problems []error
	check := func(what, text string) {
		if strings.ContainsRune(text, 0) {
			problems = append(problems, fmt.Errorf("%s has a NUL", what))
		}
	}
	for i, word := range p.command {
		check(fmt.Sprintf("argument %d", i), word)
	}
	check("the working directory", p.dir)
	for name, value := range p.env {
		if name == "" || strings.Contains(name, "=") || !utf8.ValidString(name) {
			problems = append(problems, fmt.Errorf("%q cannot be the name of a variable", name))
		}
		check(fmt.Sprintf("the variable %q", name), name+value) // never its value, which may be a secret
	}
	return errors.Join(problems...)
}

// newsTrail is how long the news of a pod's end may trail the end of a connection to it.
const newsTrail = 5 * time.Second

// exec runs a process in the container's pod.
func (c *container) exec(ctx context.Context, p process) (int, error) {
	return c.whileRunning(ctx, p, c.d.exec)
}

// runner runs a process of a pod. over says why the pod takes no more processes, if that is so.
type runner func(ctx context.Context, p process, over func() error) (int, error)

// whileRunning runs a process in the container's pod. If the pod has ended, the error says why.
func (c *container) whileRunning(ctx context.Context, p process, exec runner) (int, error) {
	if err := c.awaitRunning(ctx); err != nil {
		return 0, err
	}
	code, err := exec(ctx, p, c.over)
	if _, caller := errors.AsType[*callerError](err); caller || err == nil || ctx.Err() != nil {
		return code, err
	}
	late, cancel := context.WithTimeout(ctx, c.d.trail)
	defer cancel()
	if seen, waited := c.d.watch.wait(late, c.uid, isLeaving); waited == nil {
		return 0, fmt.Errorf("%s: %w (%w)", c.ref, overError{seen.status}, err)
	}
	if killed, ok := errors.AsType[*killedError](err); ok {
		return killed.code, nil
	}
	return 0, err
}

// isLeaving says whether a pod takes no more processes.
func isLeaving(r record) bool { return r.gone || r.deleting || r.stage == stageOver }

// over is an error once the pod takes no more processes.
func (c *container) over() error {
	seen, known := c.d.watch.get(c.uid)
	switch {
	case !known:
		return errForgotten
	case isLeaving(seen):
		return overError{seen.status}
	}
	return nil
}
