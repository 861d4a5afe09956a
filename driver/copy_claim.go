package driver

import (
	"context"
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/orchestra-ci/orchestra-k8s/render"
)

// existingClaim is the claim of a volume, which is never made here: a misspelt name would look like an empty volume. It is taken up, so that
// Sweep spares what a living driver has copied into a dead one's volume.
func (d *Driver) existingClaim(ctx context.Context, volume string) (*unstructured.Unstructured, error) {
	if source := d.templates.VolumeSource(volume); source != nil {
		return d.platformClaim(ctx, source)
	}
	wanted, err := d.templates.Volume(volume, 0)
	if err != nil {
		return nil, err
	}
	live, err := d.look(ctx, ref{kind: claimKind, namespace: d.namespace, name: wanted.GetName()})
	switch {
	case apierrors.IsNotFound(err):
		return nil, errors.New("there is no such volume")
	case err != nil:
		return nil, fmt.Errorf("getting %s: %w", refOf(wanted), err)
	case live.GetDeletionTimestamp() != nil:
		return nil, fmt.Errorf("%s is being deleted", refOf(live))
	}
	if err := checkOwner(live, wanted); err != nil {
		return nil, err
	}
	return live, d.takeUp(ctx, live)
}

// platformClaim is the claim that the platform has named for a volume. Whoever made it, the platform wants it to be used.
func (d *Driver) platformClaim(ctx context.Context, source map[string]any) (*unstructured.Unstructured, error) {
	name, _, _ := unstructured.NestedString(source, "persistentVolumeClaim", "claimName")
	if name == "" {
		return nil, errors.New("by the value volumeSources every pod has a volume of this name for itself, so there is nothing to copy")
	}
	claim := ref{kind: claimKind, namespace: d.namespace, name: name}
	live, err := d.look(ctx, claim)
	if err != nil {
		return nil, fmt.Errorf("getting %s, which the value volumeSources names: %w", claim, err)
	}
	return live, nil
}

// place is where a helper can mount a claim.
type place struct {
	node  string // because a pod uses the claim there, and no other node could mount it; "": any
	after string // the pod that has to be gone before; "": none
}

// condition is what the helper waits for, in an error.
func (p place) condition() string {
	if p.after == "" {
		return ""
	}
	return " once " + p.after + " has left the volume"
}

// placeOf finds the place for a claim. If one pod only may use it, the scheduler lets a helper wait for one that goes by itself; any other is
// an error, as nobody knows how long it stays.
func (d *Driver) placeOf(ctx context.Context, claim *unstructured.Unstructured) (place, error) {
	modes, _, _ := unstructured.NestedStringSlice(claim.Object, "spec", "accessModes")
	if slices.Contains(modes, string(corev1.ReadWriteMany)) {
		return place{}, nil
	}
	user, err := d.userOf(ctx, claim)
	switch {
	case err != nil:
		return place{}, fmt.Errorf("looking for the pods that use %s: %w", refOf(claim), err)
	case user == nil:
		return place{}, nil
	case !slices.Contains(modes, string(corev1.ReadWriteOncePod)):
		return place{node: user.Spec.NodeName}, nil
	case goesByItself(user):
		return place{after: podRef(d.namespace, user.Name).String()}, nil
	}
	return place{}, fmt.Errorf("%s allows one pod only (ReadWriteOncePod), and %s uses it", refOf(claim), podRef(d.namespace, user.Name))
}

// goesByItself says whether a pod is being deleted, or has ended and its phase does not say so yet, or is a helper: that of a driver goes when
// it has been idle for a while, and that of a dead one with Sweep.
func goesByItself(pod *corev1.Pod) bool {
	return pod.DeletionTimestamp != nil || allEnded(pod) || pod.Labels[render.KeyRole] == string(render.RoleCopy)
}

// allEnded says whether every container of a pod has ended for good; sidecars end after them.
func allEnded(pod *corev1.Pod) bool {
	running := func(c corev1.ContainerStatus) bool { return c.State.Terminated == nil }
	statuses := pod.Status.ContainerStatuses
	return pod.Spec.RestartPolicy == corev1.RestartPolicyNever && len(statuses) > 0 && !slices.ContainsFunc(statuses, running)
}

// userOf is a pod on a node that uses a claim; nil if there is none. A claim that is not the driver's may be used by anybody's pods.
func (d *Driver) userOf(ctx context.Context, claim *unstructured.Unstructured) (*corev1.Pod, error) {
	var who metav1.ListOptions
	if d.owns(claim) {
		who.LabelSelector = d.selector()
	}
	var pods *corev1.PodList
	err := d.retry.do(ctx, "listing pods", func(ctx context.Context) (err error) {
		pods, err = d.typed.CoreV1().Pods(d.namespace).List(ctx, who)
		return err
	})
	if err != nil {
		return nil, err
	}
	for i := range pods.Items {
		if pod := &pods.Items[i]; pod.Spec.NodeName != "" && usesClaim(pod, claim.GetName()) {
			return pod, nil
		}
	}
	return nil, nil
}

// usesClaim says whether a pod that has not ended mounts a claim.
func usesClaim(pod *corev1.Pod, claim string) bool {
	if pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
		return false
	}
	return slices.ContainsFunc(pod.Spec.Volumes, func(v corev1.Volume) bool {
		return v.PersistentVolumeClaim != nil && v.PersistentVolumeClaim.ClaimName == claim
	})
}
