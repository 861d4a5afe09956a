package memdriver

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"sync"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

// sandbox is a task's root in which programs are run one by one.
type sandbox struct {
	id        string
	namespace string
	dir       string
	task      orchestra.Task
	ctx       context.Context // ends at Cleanup
	end       context.CancelCauseFunc
	mu        sync.RWMutex // held for reading by each Exec, so that Cleanup waits for them
}

var (
	_ orchestra.SandboxDriver = (*Driver)(nil)
	_ orchestra.Sandbox       = (*sandbox)(nil)
)

// StartSandbox makes the task's root.
func (d *Driver) StartSandbox(ctx context.Context, task orchestra.Task) (orchestra.Sandbox, error) {
	if err := checkCall(ctx, task.Validate()); err != nil {
		return nil, err
	}
	backend.Lock()
	defer backend.Unlock()
	space, err := backend.enter(d.namespace)
	if err != nil {
		return nil, err
	}
	id := "sandbox:" + task.ID
	if existing := space.sandboxes[id]; existing != nil {
		return existing, nil
	}
	dir, err := space.taskDir(task)
	if err != nil {
		return nil, fmt.Errorf("starting sandbox %q: %w", task.ID, err)
	}
	s := &sandbox{id: id, namespace: d.namespace, dir: dir, task: task}
	s.ctx, s.end = context.WithCancelCause(context.Background())
	space.sandboxes[id] = s
	return s, nil
}

func (s *sandbox) ID() string { return s.id }

// Exec runs a program in the sandbox's root.
func (s *sandbox) Exec(ctx context.Context, cmd []string, env map[string]string, dir string, //nolint:revive // the contract's
	stdin io.Reader, stdout, stderr io.Writer,
) (orchestra.ContainerStatus, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	vars := maps.Clone(s.task.Env)
	if vars == nil {
		vars = map[string]string{}
	}
	maps.Copy(vars, env)
	program := program{args: cmd, env: environment(vars), dir: workDir(s.dir, cmp.Or(dir, s.task.WorkDir))}

	running, cancel := context.WithCancelCause(s.ctx)
	defer cancel(nil)
	defer context.AfterFunc(ctx, func() { cancel(ctx.Err()) })()
	result := program.execute(running, streams{stdin, orDiscard(stdout), orDiscard(stderr)})
	if cause := context.Cause(running); cause != nil {
		return nil, fmt.Errorf("running %q in %s: %w", cmd, s.id, cause)
	}
	if result.reason == reasonStdin {
		return nil, fmt.Errorf("running %q in %s: %s", cmd, s.id, result.message)
	}
	return result, nil
}

func orDiscard(w io.Writer) io.Writer {
	if w == nil {
		return io.Discard
	}
	return w
}

// Cleanup ends what runs and removes the root.
func (s *sandbox) Cleanup(context.Context) error {
	backend.Lock()
	if space := backend.spaces[s.namespace]; space != nil && space.sandboxes[s.id] == s {
		delete(space.sandboxes, s.id)
	}
	backend.Unlock()
	s.end(errRemoved)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := os.RemoveAll(s.dir); err != nil {
		return fmt.Errorf("removing %s: %w", s.id, err)
	}
	return nil
}
