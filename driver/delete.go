package driver

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// delete asks the server to delete the live object that r names by UID. It is a success if that object is gone already,
// also if a namesake has its place by now. It does not wait: see waitGone.
//
// A Job is deleted in the foreground: it stays until its pods are gone, so that waiting for it waits for them
// (kubernetes.io/docs/concepts/architecture/garbage-collection). A pod's grace period is the one in its spec.
func (d *Driver) delete(ctx context.Context, r ref) error {
	client, err := d.client(ctx, r.kind)
	if err != nil {
		return fmt.Errorf("deleting %s: %w", r, err)
	}
	policy := metav1.DeletePropagationBackground
	if r.kind == jobKind {
		policy = metav1.DeletePropagationForeground
	}
	options := metav1.DeleteOptions{Preconditions: metav1.NewUIDPreconditions(string(r.uid)), PropagationPolicy: &policy}
	err = d.retry.do(ctx, "deleting "+r.String(), func(ctx context.Context) error {
		return client.Delete(ctx, r.name, options)
	})
	if err == nil || apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil
	}
	return fmt.Errorf("deleting %s: %w", r, err)
}
