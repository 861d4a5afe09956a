package driver

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
	"github.com/orchestra-ci/orchestra-k8s/render"
)

// VolumeInfo is what the cluster shows of one volume at one moment. It is a value.
type VolumeInfo struct {
	Name         string    `json:"name"`  // as in CreateVolume
	Claim        string    `json:"claim"` // of the PersistentVolumeClaim
	Namespace    string    `json:"namespace"`
	Phase        string    `json:"phase"` // Pending, Bound or Lost; Terminating while it is being deleted
	Requested    string    `json:"requested"`
	Capacity     string    `json:"capacity,omitempty"` // "" until it is bound
	StorageClass string    `json:"storageClass,omitempty"`
	AccessModes  []string  `json:"accessModes,omitempty"`
	Created      time.Time `json:"created"`

	ref ref
}

// Volumes lists the volumes of the driver's Orchestra namespace, whoever made them, in the order of their names. It costs one request.
func (d *Driver) Volumes(ctx context.Context) ([]VolumeInfo, error) {
	ctx, leave, err := d.enter(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing volumes: %w", err)
	}
	defer leave()
	claims, err := d.list(ctx, claimKind, d.selector(), func(obj *unstructured.Unstructured) bool { return d.owns(obj) })
	if err != nil {
		return nil, fmt.Errorf("listing volumes: %w", closedOr(ctx, err))
	}
	volumes := make([]VolumeInfo, len(claims))
	for i, claim := range claims {
		volumes[i] = volumeInfoOf(claim)
	}
	slices.SortFunc(volumes, func(a, b VolumeInfo) int { return cmp.Compare(a.Name, b.Name) })
	return volumes, nil
}

// Volume is the handle of a volume that Volumes has shown, for its Cleanup.
func (d *Driver) Volume(info VolumeInfo) orchestra.Volume {
	return &volume{d: d, name: info.Name, ref: info.ref}
}

func volumeInfoOf(claim *unstructured.Unstructured) VolumeInfo {
	text := func(path ...string) string {
		value, _, _ := unstructured.NestedString(claim.Object, path...)
		return value
	}
	modes, _, _ := unstructured.NestedStringSlice(claim.Object, "spec", "accessModes")
	info := VolumeInfo{
		Name: claim.GetAnnotations()[render.KeyVolume], Claim: claim.GetName(), Namespace: claim.GetNamespace(),
		Phase: text("status", "phase"), Requested: text("spec", "resources", "requests", "storage"), Capacity: text("status", "capacity", "storage"),
		StorageClass: text("spec", "storageClassName"), AccessModes: modes, Created: claim.GetCreationTimestamp().Time, ref: refOf(claim),
	}
	if claim.GetDeletionTimestamp() != nil {
		info.Phase = "Terminating"
	}
	return info
}
