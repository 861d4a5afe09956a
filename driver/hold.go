package driver

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// holderPrefix begins the annotations by which drivers other than its maker say since when they use an object.
const holderPrefix = "orchestra.holder/"

// maxHolders bounds the annotations of an object that many processes have taken up, one after another.
const maxHolders = 16

// takeUp notes that the driver uses an object that it has not made, until that is gone or the driver closed.
func (d *Driver) takeUp(ctx context.Context, live *unstructured.Unstructured) error {
	d.presence.use(refOf(live))
	return d.hold(ctx, live)
}

// hold marks a live object as used by this driver, so that Sweep spares it when the driver that made it is dead. It costs a
// request once for each object that another driver has made.
func (d *Driver) hold(ctx context.Context, live *unstructured.Unstructured) error {
	if slices.Contains(holders(live), d.instance) {
		return nil
	}
	annotations := map[string]any{holderPrefix + d.instance: d.now().UTC().Format(time.RFC3339)}
	for _, key := range oldestHolders(live) {
		annotations[key] = nil
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"uid": live.GetUID(), "annotations": annotations}})
	if err != nil {
		return err
	}
	err = d.merge(ctx, refOf(live), patch)
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) { // gone since
		return nil
	}
	return err
}

// oldestHolders are the annotations that make room for one more.
func oldestHolders(obj metav1.Object) []string {
	var keys []string
	for key := range obj.GetAnnotations() {
		if strings.HasPrefix(key, holderPrefix) {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(a, b string) int { return strings.Compare(obj.GetAnnotations()[a], obj.GetAnnotations()[b]) })
	return keys[:max(0, len(keys)-maxHolders+1)]
}

// holders are the instances that use an object: the one that made it, and those that have taken it up since.
func holders(obj metav1.Object) []string {
	instances := []string{makerOf(obj)}
	for key := range obj.GetAnnotations() {
		if instance, ok := strings.CutPrefix(key, holderPrefix); ok {
			instances = append(instances, instance)
		}
	}
	return instances
}

// makerOf is the instance of the driver that made an object.
func makerOf(obj metav1.Object) string {
	instance, _, _ := strings.Cut(obj.GetAnnotations()[AnnotationLaunch], "/")
	return instance
}
