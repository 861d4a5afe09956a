package driver

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/orchestra-ci/orchestra-k8s/render"
)

// identity are the annotations that hold raw values. Labels are not part of it: theirs are cut and hashed, and two raw
// values may, if someone works on it, share one.
var identity = []string{render.KeyNamespace, render.KeyTask, render.KeyVolume}

// ForeignError says that an object of the name that the driver needs exists and is not the driver's. Such an object is
// neither used nor changed nor deleted.
type ForeignError struct {
	Object string // Kind/namespace/name
	Detail string
}

func (e *ForeignError) Error() string {
	return fmt.Sprintf("using %s: it exists and belongs to someone else: %s", e.Object, e.Detail)
}

// checkOwner returns a ForeignError unless live was made for the same namespace, task and volume as wanted.
func checkOwner(live, wanted *unstructured.Unstructured) error {
	has, wants := live.GetAnnotations(), wanted.GetAnnotations()
	for _, key := range identity {
		want, required := wants[key]
		got, present := has[key]
		switch {
		case required && !present:
			return &ForeignError{Object: refOf(live).String(), Detail: fmt.Sprintf("it has no annotation %q", key)}
		case got != want:
			return &ForeignError{Object: refOf(live).String(), Detail: fmt.Sprintf("its annotation %q is %q, not %q", key, got, want)}
		}
	}
	return nil
}

// owns says whether obj is of the driver's Orchestra namespace. The label found it; the raw annotation proves it.
func (d *Driver) owns(obj metav1.Object) bool {
	raw, ok := obj.GetAnnotations()[render.KeyNamespace]
	return ok && raw == d.cfg.Namespace
}
