package driver

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/orchestra-ci/orchestra-k8s/render"
)

// FieldManager is the name under which the driver's fields stand in an object's managedFields.
const FieldManager = "orchestra"

// neverVersion is a resourceVersion that no object has: etcd's first write makes revision 2.
//
// In an apply it makes the request create-only. For an object that does not exist the server wipes the version and
// creates it; for one that exists it compares the versions and answers 409 Conflict, before anything is changed
// (k8s.io/apiserver pkg/registry/generic/registry/store.go, Update). So one request launches a task, twenty at the
// same time launch it once, and a running pod is never patched.
const neverVersion = "1"

// create applies obj if no object of its name exists. If one does, the error is a Conflict, as it also is when a quota
// was updated by too many others at the same time (kubernetes plugin/pkg/admission/resourcequota).
//
// A misspelt field does not vanish silently: apply refuses what the kind's schema does not declare, whatever fieldValidation
// says ("field not declared in schema", as code 500; structured-merge-diff typed/parser.go). So the server is spared the
// second parse of the body that the validation would cost.
func (d *Driver) create(ctx context.Context, obj *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	body := obj.DeepCopy()
	body.SetResourceVersion(neverVersion)
	data, err := render.JSON(body)
	if err != nil {
		return nil, fmt.Errorf("encoding: %w", err)
	}
	client, err := d.client(ctx, obj.GroupVersionKind())
	if err != nil {
		return nil, err
	}
	options := metav1.PatchOptions{FieldManager: FieldManager, Force: new(true), FieldValidation: metav1.FieldValidationIgnore}
	var live *unstructured.Unstructured
	err = d.retry.do(ctx, "applying "+refOf(obj).String(), func(ctx context.Context) error {
		var err error
		live, err = client.Patch(ctx, obj.GetName(), types.ApplyPatchType, data, options)
		return err
	})
	return live, err
}
