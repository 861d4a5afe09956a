// Package orchestra is the contract between a program that runs tasks and the drivers that run them.
//
// The comments of this package are its specification, and package orchestratest checks a driver against them.
// A program needs nothing but a Driver; Open finds one by name. The package imports the standard library only.
package orchestra

import (
	"context"
	"errors"
)

// ErrContainerNotFound says that a driver's namespace has no container of the given ID: it was never run, it was
// cleaned up, or it belongs to another namespace. Test for it with errors.Is, as drivers wrap it.
var ErrContainerNotFound = errors.New("container not found")

// Driver runs the tasks of one namespace. Two drivers of the same kind and namespace see the same containers and volumes,
// also from two processes; drivers of different namespaces never see, share or remove each other's.
//
// Every method may be called by several goroutines at once. A method that is cut short by its ctx returns an error
// for which errors.Is finds ctx.Err(), and whatever it has begun can be finished by calling it again.
type Driver interface {
	// Name is the kind of the driver, such as "k8s": the name by which it is registered.
	Name() string

	// RunContainer starts a task and returns as soon as the backend has accepted it; the task may not run yet.
	// ctx bounds the call only: the task goes on when ctx ends afterwards.
	//
	// The call is idempotent. If the namespace has a container of this Task.ID, running or done, that one is returned
	// and nothing is started, however many callers race for it. This holds also when the rest of the task differs;
	// such a driver logs a warning. After Cleanup the ID is free again.
	//
	// A task that Task.Validate refuses is an error that holds an *InvalidError, and nothing is created. A task that
	// cannot start (no such image, no such program) is no error of RunContainer: its container ends with a non-zero exit code.
	RunContainer(ctx context.Context, task Task) (Container, error)

	// GetContainer finds a container by its Container.ID, also one that another process started.
	// An unknown ID is an ErrContainerNotFound.
	GetContainer(ctx context.Context, containerID string) (Container, error)

	// CreateVolume makes a volume of at least size bytes; 0 means the driver's default. Tasks mount it by its name.
	// The call is idempotent: an existing volume of this name is returned with its data and its size.
	// A name or size that ValidateVolume refuses is an error that holds an *InvalidError.
	CreateVolume(ctx context.Context, name string, size int) (Volume, error)

	// Close removes every container and volume of the namespace, running ones included and those that other drivers
	// of this namespace made, and ends the driver's background work. It touches no other namespace.
	// Closing twice is no error. After Close no other method may be called.
	Close() error
}

// Waiter is implemented by containers that can wait without polling.
type Waiter interface {
	// Wait returns the status once it is done, at once if it is done already. If ctx ends before, it returns an
	// error for which errors.Is finds ctx.Err(), and the task goes on.
	Wait(ctx context.Context) (ContainerStatus, error)
}

// Explainer is implemented by statuses that can say why a task is where it is.
type Explainer interface {
	// Reason is one stable word in CamelCase that a program may branch on, such as "OOMKilled". It is never "" for a
	// task that is done with a non-zero exit code.
	Reason() string
	// Message is for people: what the backend said, and what to change. It may be "".
	Message() string
}
