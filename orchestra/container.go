package orchestra

import (
	"context"
	"io"
)

// Container is a task that a driver has accepted: waiting, running or done, until Cleanup.
// Its methods may be called by several goroutines at once, any number of times.
type Container interface {
	// ID finds the container again through Driver.GetContainer. It is not "", never changes, and is not the Task.ID in general.
	ID() string

	// Status reports where the task is. It is cheap: callers poll it.
	Status(ctx context.Context) (ContainerStatus, error)

	// Logs writes what the task has written, from its first byte. Without follow that is all output so far, possibly
	// none; with follow Logs goes on until the task has ended and everything was written, also when the task has not started yet.
	//
	// nil means that the output is complete. If ctx ends before, the error is one for which errors.Is finds ctx.Err();
	// an error of a writer is returned wrapped. Output of a backend that does not keep the streams apart goes to stdout,
	// every byte once. Logs never writes to both writers at once, so that one writer may serve as both. Neither may be nil.
	Logs(ctx context.Context, stdout, stderr io.Writer, follow bool) error

	// Cleanup stops the task if it runs, and removes the container. Its volumes stay. When it returns nil, GetContainer
	// no longer finds the ID and the Task.ID is free. It is idempotent: cleaning up what is gone is no error.
	// A Logs that follows meanwhile returns; with or without an error.
	Cleanup(ctx context.Context) error
}

// ContainerStatus is a snapshot; it does not change.
type ContainerStatus interface {
	// IsDone says that the task has ended for good: it will not run again.
	IsDone() bool
	// ExitCode is the task's exit code; 128+n if signal n ended it. It is 0 only if the task ran and succeeded:
	// a task that could not start, was removed from outside or got only a part of its Stdin is done with another
	// code, 125 when there is none. It has no meaning before IsDone.
	ExitCode() int
}
