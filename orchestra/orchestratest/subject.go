package orchestratest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

// subject is a driver under test, with a namespace of its own. ctx ends when the rule has taken too long.
type subject struct {
	testing.TB
	ctx       context.Context
	open      func(namespace string) orchestra.Driver // closed when the rule is done
	namespace string
	driver    orchestra.Driver
}

func newSubject(ctx context.Context, t testing.TB, open func(string) orchestra.Driver) *subject {
	s := &subject{TB: t, ctx: ctx, namespace: newNamespace()}
	s.open = func(namespace string) orchestra.Driver {
		driver := open(namespace)
		t.Cleanup(func() { assert.NoError(t, driver.Close(), "closing the driver of namespace %q", namespace) })
		return driver
	}
	s.driver = s.open(s.namespace)
	return s
}

// newNamespace returns one that nobody uses.
func newNamespace() string { return "conformance-" + strings.ToLower(rand.Text()) }

// shell is a task that runs a script of the POSIX shell.
func shell(id, script string) orchestra.Task {
	return orchestra.Task{ID: id, Image: "busybox", Command: []string{"sh", "-c", script}}
}

// sleeper is a task that never ends by itself.
func sleeper(id string) orchestra.Task { return shell(id, "echo started; sleep 100000") }

// held is a task that says "first", waits, and says "last". It waits until release is called, at the latest when the rule is done.
func (s *subject) held(id string) (task orchestra.Task, release func()) {
	reader, writer := io.Pipe()
	release = func() { _ = writer.Close() } // never fails
	s.Cleanup(release)
	task = shell(id, "echo first; cat >/dev/null; echo last")
	task.Stdin = reader
	return task, release
}

// run starts a task that the driver must accept.
func (s *subject) run(task orchestra.Task) orchestra.Container {
	s.Helper()
	container, err := s.driver.RunContainer(s.ctx, task)
	require.NoError(s, err, "running task %q", task.ID)
	require.NotNil(s, container, "running task %q", task.ID)
	return container
}

// await returns the status of a container once it is done.
func (s *subject) await(container orchestra.Container) orchestra.ContainerStatus {
	s.Helper()
	if waiter, ok := container.(orchestra.Waiter); ok {
		status, err := waiter.Wait(s.ctx)
		require.NoError(s, err, "waiting for container %q", container.ID())
		require.True(s, status.IsDone(), "Wait returned for container %q, and it is not done", container.ID())
		return status
	}
	return s.poll(container)
}

// poll is await by means of Status alone.
func (s *subject) poll(container orchestra.Container) orchestra.ContainerStatus {
	s.Helper()
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		status, err := container.Status(s.ctx)
		require.NoError(s, err, "asking for the status of container %q", container.ID())
		if status.IsDone() {
			return status
		}
		select {
		case <-ticker.C:
		case <-s.ctx.Done():
			require.FailNow(s, "the task did not end in time", "container %q: %s", container.ID(), explain(status))
		}
	}
}

// explain is for messages.
func explain(status orchestra.ContainerStatus) string {
	if explainer, ok := status.(orchestra.Explainer); ok {
		return explainer.Reason() + ": " + explainer.Message()
	}
	return "no explanation"
}

// succeed runs a task to its end, which must be a success, and returns what it wrote to stdout.
func (s *subject) succeed(task orchestra.Task) string {
	s.Helper()
	return s.succeeded(s.run(task))
}

func (s *subject) succeeded(container orchestra.Container) string {
	s.Helper()
	status := s.await(container)
	stdout, stderr := s.logs(container, false)
	require.Zero(s, status.ExitCode(), "container %q (%s) wrote %q and %q", container.ID(), explain(status), stdout, stderr)
	return stdout
}

// logs returns what Logs writes.
func (s *subject) logs(container orchestra.Container, follow bool) (stdout, stderr string) {
	s.Helper()
	var out, err bytes.Buffer
	require.NoError(s, container.Logs(s.ctx, &out, &err, follow), "reading the logs of container %q", container.ID())
	return out.String(), err.String()
}

// requireNotFound checks that a driver does not know a container.
func (s *subject) requireNotFound(driver orchestra.Driver, id string) {
	s.Helper()
	_, err := driver.GetContainer(s.ctx, id)
	require.ErrorIs(s, err, orchestra.ErrContainerNotFound, "getting container %q", id)
}

var errNotInTime = errors.New("it did not return in time")

// follow follows a container in the background. ended waits for Logs to return, and returns what it returned.
func (s *subject) follow(ctx context.Context, container orchestra.Container) (output *tap, ended func() error) {
	output = newTap()
	result := make(chan error, 1)
	go func() { result <- container.Logs(ctx, output, output, true) }()
	return output, func() error {
		select {
		case err := <-result:
			return err
		case <-s.ctx.Done():
			return fmt.Errorf("following container %q: %w", container.ID(), errNotInTime)
		}
	}
}
