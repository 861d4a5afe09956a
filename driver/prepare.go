package driver

import (
	"context"
	"fmt"
)

// prepareNamespace applies namespace.yaml, if a layer has one, once per driver. After a failure the next call tries again.
func (d *Driver) prepareNamespace(ctx context.Context) error {
	select {
	case d.preparing <- struct{}{}:
		defer func() { <-d.preparing }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if d.prepared {
		return nil
	}
	objects, err := d.templates.Namespace()
	if err != nil {
		return err
	}
	l := d.newLaunch()
	for _, obj := range objects {
		if _, err := l.ensure(ctx, obj); err != nil {
			return fmt.Errorf("preparing the Kubernetes namespace %q: %w", d.namespace, err)
		}
	}
	d.prepared = true
	return nil
}
