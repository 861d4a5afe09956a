package driver

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// merge changes an existing object by a JSON merge patch (RFC 7386). A patch that holds a metadata.uid never changes a namesake:
// the server answers 409.
func (d *Driver) merge(ctx context.Context, r ref, patch []byte) error {
	client, err := d.client(ctx, r.kind)
	if err != nil {
		return fmt.Errorf("patching %s: %w", r, err)
	}
	err = d.retry.do(ctx, "patching "+r.String(), func(ctx context.Context) error {
		_, err := client.Patch(ctx, r.name, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: FieldManager})
		return err
	})
	if err != nil {
		return fmt.Errorf("patching %s: %w", r, err)
	}
	return nil
}
