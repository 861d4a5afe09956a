package driver

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Pauses between two looks at an object that is going.
const (
	firstLook = 50 * time.Millisecond
	lastLook  = 2 * time.Second

	lastGlance = 500 * time.Millisecond // past the end of ctx, for the error message
)

// waitGone waits until the live object that r names by UID exists no longer. If that takes longer than its grace period
// and Config.DeletionTimeout, or if ctx ends, the error says what still holds the object.
func (d *Driver) waitGone(ctx context.Context, r ref) error {
	ctx, cancel := d.deletionContext(ctx)
	defer cancel()
	var last *unstructured.Unstructured
	for pause := firstLook; ; pause = min(2*pause, lastLook) {
		live, err := d.look(ctx, r)
		switch {
		case apierrors.IsNotFound(err), err == nil && live.GetUID() != r.uid:
			return nil
		case err == nil:
			last = live
		case ctx.Err() == nil:
			return fmt.Errorf("waiting until %s is gone: %w", r, err)
		}
		if sleep(ctx, pause) != nil {
			return fmt.Errorf("waiting until %s is gone: %w%s", r, context.Cause(ctx), heldBy(last))
		}
	}
}

var errDeletionTimeout = errors.New("it takes longer than its grace period and the deletion timeout")

// deletionContext bounds the wait for deletions.
func (d *Driver) deletionContext(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, d.settings.GracePeriod+d.cfg.DeletionTimeout, errDeletionTimeout)
}

// look gets an object, past errors that time heals.
func (d *Driver) look(ctx context.Context, r ref) (live *unstructured.Unstructured, err error) {
	client, err := d.client(ctx, r.kind)
	if err != nil {
		return nil, err
	}
	err = d.retry.do(ctx, "getting "+r.String(), func(ctx context.Context) error {
		live, err = client.Get(ctx, r.name, metav1.GetOptions{})
		return err
	})
	return live, err
}

// whatHolds looks once more at an object that did not go in time, though ctx may have ended, and says what is known about it.
func (d *Driver) whatHolds(ctx context.Context, r ref) string {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastGlance)
	defer cancel()
	live, err := d.look(ctx, r)
	if err != nil {
		return ""
	}
	return heldBy(live)
}

// heldByFields are what heldBy tells beside the metadata: where the object is, and how far it has come.
var heldByFields = []struct {
	word string
	path []string
}{{"node", []string{"spec", "nodeName"}}, {"phase", []string{"status", "phase"}}}

// heldBy says what is known about an object that does not go.
func heldBy(obj *unstructured.Unstructured) string {
	if obj == nil {
		return ""
	}
	var facts []string
	if at := obj.GetDeletionTimestamp(); at == nil {
		facts = append(facts, "its deletion was not asked for")
	} else {
		facts = append(facts, "to be deleted by "+at.UTC().Format(time.RFC3339))
	}
	if finalizers := obj.GetFinalizers(); len(finalizers) > 0 {
		facts = append(facts, "finalizers "+strings.Join(finalizers, ", "))
	}
	for _, field := range heldByFields {
		if value, _, _ := unstructured.NestedString(obj.Object, field.path...); value != "" {
			facts = append(facts, field.word+" "+value)
		}
	}
	return " (" + strings.Join(facts, "; ") + ")"
}
