package driver

import (
	"context"
	"errors"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// stdinSender is what a feed needs to know of the driver that sends a task's stdin in its place.
type stdinSender interface {
	// sign is the sender's last sign of life; "" if there is none.
	sign(ctx context.Context, instance string) (string, error)
	// bury marks the task, if it still is in that state, as one whose stdin was cut.
	bury(ctx context.Context, state string) error
}

var errSenderDied = errors.New("the driver that was sending it gives no sign of life")

// guard looks after a driver that sends the task's stdin. One that has died leaves a task that waits for ever for the rest of its input,
// or even for the beginning, and nobody may send it again: what arrived, if anything, is not known. So the task is ended.
//
// A driver that lives renews its lease every heartbeat (lease.go). That it does is seen by comparing the lease with itself, so it does
// not matter what time either machine thinks it is.
func (f *stdinFeed) guard(ctx context.Context, state string) error {
	instance, sending := parseStdinSender(state)
	for sending {
		before, err := f.sender.sign(ctx, instance)
		if err != nil {
			return err
		}
		if ended, _ := f.state.ended(ctx, shortestSweep); ended || ctx.Err() != nil {
			return ctx.Err()
		}
		after, err := f.sender.sign(ctx, instance)
		if err != nil {
			return err
		}
		if before == after {
			return f.sender.bury(ctx, state)
		}
	}
	return nil
}

// stdinSenders are the drivers of the task's Orchestra namespace.
type stdinSenders struct {
	d     *Driver
	marks *podMarks
}

func (s stdinSenders) sign(ctx context.Context, instance string) (string, error) {
	live, err := s.d.look(ctx, refOf(s.d.leaseOf(instance)))
	if err != nil {
		if apierrors.IsNotFound(err) {
			return "", nil
		}
		return "", err
	}
	renewed, _, err := unstructured.NestedString(live.Object, "spec", "renewTime")
	return renewed, err
}

func (s stdinSenders) bury(ctx context.Context, state string) error {
	err := s.marks.cutIf(ctx, errSenderDied, operation{"test", annotationPath + AnnotationStdin, state})
	if apierrors.IsInvalid(err) { // it lives: the state is another one by now
		return nil
	}
	return err
}
