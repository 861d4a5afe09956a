package driver

import (
	"context"
	"errors"
	"fmt"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

// volume is the handle of a PersistentVolumeClaim.
type volume struct {
	d    *Driver
	name string
	ref  ref
}

// CreateVolume makes a claim of at least size bytes; 0 means the value `storage`. An existing volume of this name is returned
// with its data and its size; one that is being deleted is waited for. It returns when the API server has accepted the
// claim: whether it is bound at once or when the first task mounts it is up to its storage class.
func (d *Driver) CreateVolume(ctx context.Context, name string, size int) (orchestra.Volume, error) {
	ctx, leave, err := d.enter(ctx)
	if err != nil {
		return nil, fmt.Errorf("creating volume %q: %w", name, err)
	}
	defer leave()
	if err := orchestra.ValidateVolume(name, size); err != nil {
		return nil, err
	}
	claim, err := d.templates.Volume(name, int64(size))
	if err != nil {
		return nil, err
	}
	l := d.newLaunch()
	if err := d.prepareNamespace(ctx); err != nil {
		return nil, fmt.Errorf("creating volume %q: %w", name, err)
	}
	live, err := l.ensure(ctx, claim)
	if err != nil {
		return nil, fmt.Errorf("creating volume %q: %w", name, closedOr(ctx, errors.Join(err, l.abandon(ctx))))
	}
	return &volume{d: d, name: name, ref: refOf(live)}, nil
}

// Name is the name that was given to CreateVolume.
func (v *volume) Name() string { return v.name }

// Path is "", as it depends on the task: /tmp/{pod-name}/{mount-path}, in the default templates.
func (v *volume) Path() string { return "" }

// Cleanup deletes the claim with its data and waits until it is gone. Kubernetes keeps a claim while a pod that uses it
// exists, also one that is done: clean up the tasks first. After Config.DeletionTimeout the error says so.
func (v *volume) Cleanup(ctx context.Context) error {
	if v.d.isGone() {
		return nil
	}
	if err := v.d.remove(ctx, v.ref); err != nil {
		return fmt.Errorf("cleaning up volume %q: %w", v.name, err)
	}
	v.d.presence.release(ctx, v.ref.uid)
	return nil
}
