package driver

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/orchestra-ci/orchestra-k8s/render"
)

// ref names one object. With a UID it names one live object, and never a namesake that is created later.
type ref struct {
	kind      schema.GroupVersionKind
	namespace string // "": the kind has no namespace
	name      string
	uid       types.UID
}

var (
	podKind   = schema.GroupVersionKind{Version: "v1", Kind: "Pod"}
	jobKind   = schema.GroupVersionKind{Group: "batch", Version: "v1", Kind: "Job"}
	claimKind = schema.GroupVersionKind{Version: "v1", Kind: "PersistentVolumeClaim"}
)

func refOf(obj *unstructured.Unstructured) ref {
	return ref{kind: obj.GroupVersionKind(), namespace: obj.GetNamespace(), name: obj.GetName(), uid: obj.GetUID()}
}

// String is how every error names an object: Kind/namespace/name.
func (r ref) String() string {
	if r.namespace == "" {
		return r.kind.Kind + "/" + r.name
	}
	return r.kind.Kind + "/" + r.namespace + "/" + r.name
}

func groupVersionKind(kind render.Kind) schema.GroupVersionKind {
	return schema.FromAPIVersionAndKind(kind.APIVersion, kind.Kind)
}
