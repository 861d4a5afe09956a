package orchestratest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync/atomic"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

// broken is a driver that works except for what is set in it.
type broken struct {
	orchestra.Driver
	name      func() string
	run       func(context.Context, orchestra.Driver, orchestra.Task) (orchestra.Container, error)
	create    func(ctx context.Context, d orchestra.Driver, name string, size int) (orchestra.Volume, error)
	task      func(orchestra.Task) orchestra.Task
	refuse    func(d orchestra.Driver, task orchestra.Task, err error) error
	get       func(error) error
	close     func(orchestra.Driver) error
	container func(orchestra.Container) orchestra.Container
	volume    func(orchestra.Volume) orchestra.Volume
}

func (b broken) Name() string {
	if b.name != nil {
		return b.name()
	}
	return b.Driver.Name()
}

func (b broken) RunContainer(ctx context.Context, task orchestra.Task) (orchestra.Container, error) {
	if b.task != nil {
		task = b.task(task)
	}
	if b.run != nil {
		return b.run(ctx, b.Driver, task)
	}
	c, err := b.Driver.RunContainer(ctx, task)
	if err != nil && b.refuse != nil {
		err = b.refuse(b.Driver, task, err)
	}
	return b.wrap(c, err)
}

func (b broken) GetContainer(ctx context.Context, id string) (orchestra.Container, error) {
	c, err := b.Driver.GetContainer(ctx, id)
	if err != nil && b.get != nil {
		err = b.get(err)
	}
	return b.wrap(c, err)
}

func (b broken) wrap(c orchestra.Container, err error) (orchestra.Container, error) {
	if err != nil || b.container == nil {
		return c, err
	}
	return b.container(c), nil
}

func (b broken) CreateVolume(ctx context.Context, name string, size int) (orchestra.Volume, error) {
	if b.create != nil {
		return b.create(ctx, b.Driver, name, size)
	}
	v, err := b.Driver.CreateVolume(ctx, name, size)
	if err != nil || b.volume == nil {
		return v, err
	}
	return b.volume(v), nil
}

func (b broken) Close() error {
	if b.close != nil {
		return b.close(b.Driver)
	}
	return b.Driver.Close()
}

// brokenContainer is a container of a broken driver. It hides Wait, so that Status is what counts.
type brokenContainer struct {
	orchestra.Container
	id      func(string) string
	status  func(orchestra.ContainerStatus) orchestra.ContainerStatus
	logs    func(ctx context.Context, c orchestra.Container, stdout, stderr io.Writer, follow bool) error
	cleanup func(orchestra.Container) error
}

func (c brokenContainer) ID() string {
	if c.id != nil {
		return c.id(c.Container.ID())
	}
	return c.Container.ID()
}

func (c brokenContainer) Status(ctx context.Context) (orchestra.ContainerStatus, error) {
	status, err := c.Container.Status(ctx)
	if err == nil && c.status != nil {
		status = c.status(status)
	}
	return status, err
}

func (c brokenContainer) Logs(ctx context.Context, stdout, stderr io.Writer, follow bool) error {
	if c.logs != nil {
		return c.logs(ctx, c.Container, stdout, stderr, follow)
	}
	return c.Container.Logs(ctx, stdout, stderr, follow)
}

func (c brokenContainer) Cleanup(ctx context.Context) error {
	if c.cleanup != nil {
		return c.cleanup(c.Container)
	}
	return c.Container.Cleanup(ctx)
}

// with returns a way to break containers.
func (c brokenContainer) with() func(orchestra.Container) orchestra.Container {
	return func(inner orchestra.Container) orchestra.Container {
		outer := c
		outer.Container = inner
		return outer
	}
}

type fixedStatus struct {
	done bool
	code int
}

func (s fixedStatus) IsDone() bool  { return s.done }
func (s fixedStatus) ExitCode() int { return s.code }

// verbose is a status whose reason no program can branch on.
type verbose struct{ fixedStatus }

func (verbose) Reason() string  { return "the task has failed" }
func (verbose) Message() string { return "" }

// hasty is a container that does not wait.
type hasty struct{ orchestra.Container }

func (h hasty) Wait(context.Context) (orchestra.ContainerStatus, error) {
	return fixedStatus{true, 0}, nil
}

// renamed is a volume that forgot its name and its path, or cannot be removed twice.
type renamed struct{ orchestra.Volume }

func (renamed) Name() string { return "pvc-1234" }

func (renamed) Path() string { return "." }

type unremovable struct{ orchestra.Volume }

func (unremovable) Cleanup(context.Context) error { return nil }

// editedLogs changes what stdout gets, once it is complete.
func editedLogs(edit func(string) string) func(context.Context, orchestra.Container, io.Writer, io.Writer, bool) error {
	return func(ctx context.Context, c orchestra.Container, stdout, stderr io.Writer, follow bool) error {
		var text bytes.Buffer
		if err := c.Logs(ctx, &text, stderr, follow); err != nil {
			return err
		}
		_, err := io.WriteString(stdout, edit(text.String()))
		return err
	}
}

func toBoth(ctx context.Context, c orchestra.Container, stdout, stderr io.Writer, follow bool) error {
	both := io.MultiWriter(stdout, stderr)
	return c.Logs(ctx, both, both, follow)
}

// logsOnce delivers to the first reader of a container only.
func logsOnce() func(context.Context, orchestra.Container, io.Writer, io.Writer, bool) error {
	var read atomic.Bool
	return func(ctx context.Context, c orchestra.Container, stdout, stderr io.Writer, follow bool) error {
		if read.Swap(true) {
			return nil
		}
		return c.Logs(ctx, stdout, stderr, follow)
	}
}

func cleanupOnce() func(orchestra.Container) error {
	var cleaned atomic.Bool
	return func(c orchestra.Container) error {
		if cleaned.Swap(true) {
			return errors.New("already gone")
		}
		return c.Cleanup(context.Background())
	}
}

func closeOnce() func(orchestra.Driver) error {
	var closed atomic.Bool
	return func(d orchestra.Driver) error {
		if closed.Swap(true) {
			return errors.New("already closed")
		}
		return d.Close()
	}
}
