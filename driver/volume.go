package driver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

// volume is the handle of a PersistentVolumeClaim, or of what the platform has put in its place.
type volume struct {
	d    *Driver
	name string
	ref  ref // of the claim; empty if the platform's value volumeSources names something else
}

// CreateVolume makes a claim of at least size bytes; 0 means the value `storage`. An existing volume of this name is returned
// with its data and its size; one that is being deleted is waited for. It returns when the API server has accepted the
// claim: whether it is bound at once or when the first task mounts it is up to its storage class. A volume that the value volumeSources
// names is the platform's: nothing is made, and Cleanup removes nothing.
func (d *Driver) CreateVolume(ctx context.Context, name string, size int) (orchestra.Volume, error) {
	ctx, leave, err := d.enter(ctx)
	if err != nil {
		return nil, fmt.Errorf("creating volume %q: %w", name, err)
	}
	defer leave()
	if err := orchestra.ValidateVolume(name, size); err != nil {
		return nil, err
	}
	if d.templates.VolumeSource(name) != nil {
		return &volume{d: d, name: name}, nil
	}
	l := d.newLaunch()
	if err := d.prepareNamespace(ctx); err != nil {
		return nil, fmt.Errorf("creating volume %q: %w", name, err)
	}
	live, err := l.claim(ctx, name, int64(size))
	if err != nil {
		return nil, fmt.Errorf("creating volume %q: %w", name, closedOr(ctx, errors.Join(err, l.abandon(ctx))))
	}
	return &volume{d: d, name: name, ref: refOf(live)}, nil
}

// claim makes the claim of a volume of at least size bytes, 0 being the default, or returns the one that exists. What the existing one has
// less or otherwise is logged: a claim cannot be changed like that.
func (l *launch) claim(ctx context.Context, name string, size int64) (*unstructured.Unstructured, error) {
	wanted, err := l.d.templates.Volume(name, size)
	if err != nil {
		return nil, err
	}
	live, err := l.ensure(ctx, wanted)
	if err != nil || l.isOwn(live) {
		return live, err
	}
	if paths := claimDifferences(wanted, live, size > 0); len(paths) > 0 {
		l.d.log.WarnContext(ctx, "the volume exists already with a different specification, which stays",
			"object", refOf(live).String(), "differs", strings.Join(paths, ", "))
	}
	return live, nil
}

// claimDifferences are the fields in which an existing claim is less than what is wanted, or something else. A larger one will do; with
// sized false nobody has asked for a size.
func claimDifferences(wanted, live *unstructured.Unstructured, sized bool) []string {
	const size = "spec.resources.requests.storage"
	return slices.DeleteFunc(differences(wanted.Object["spec"], live.Object["spec"], "spec"), func(at string) bool {
		has := sizeOf(live)
		return at == size && (!sized || has.Cmp(sizeOf(wanted)) >= 0)
	})
}

func sizeOf(claim *unstructured.Unstructured) resource.Quantity {
	text, _, _ := unstructured.NestedString(claim.Object, "spec", "resources", "requests", "storage")
	size, _ := resource.ParseQuantity(text) // the API server has checked it
	return size
}

// Name is the name that was given to CreateVolume.
func (v *volume) Name() string { return v.name }

// Path is relative to /tmp/{pod-name}, which is a task's default working directory.
func (v *volume) Path() string { return orchestra.VolumePath(v.name) }

// Cleanup deletes the claim with its data and waits until it is gone. Kubernetes keeps a claim while a pod that uses it
// exists, also one that is done: clean up the tasks first. After Config.DeletionTimeout the error says so.
func (v *volume) Cleanup(ctx context.Context) error {
	if v.d.isGone() {
		return nil
	}
	v.d.helpers.drop(ctx, v.name)
	if v.ref.name == "" { // the platform's
		return nil
	}
	if err := v.d.remove(ctx, v.ref); err != nil {
		return fmt.Errorf("cleaning up volume %q: %w", v.name, err)
	}
	v.d.presence.release(ctx, v.ref.uid)
	return nil
}
