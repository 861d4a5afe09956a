package driver

import (
	"context"
	"errors"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
	"github.com/orchestra-ci/orchestra-k8s/render"
)

// DryRun asks the API server whether it would accept the task's objects: it runs defaults, validation and admission (quota, Pod Security,
// policies) and stores nothing. All problems are reported at once. A Namespace that the templates make is not made:
// where it does not exist yet the server refuses what would be in it.
//
// It takes the permissions of RunContainer. An admission webhook that does not declare that it has no side effects refuses every dry run.
func (d *Driver) DryRun(ctx context.Context, task orchestra.Task) error {
	ctx, leave, err := d.enter(ctx)
	if err != nil {
		return fmt.Errorf("dry run of task %q: %w", task.ID, err)
	}
	defer leave()
	if err := task.Validate(d.templates.Users()...); err != nil {
		return err
	}
	objects, err := d.objectsOf(task)
	if err != nil {
		return err
	}
	var problems []error
	for _, obj := range objects {
		if err := d.applyDry(ctx, obj); err != nil {
			problems = append(problems, fmt.Errorf("dry run of %s: %w", refOf(obj), closedOr(ctx, explainRefusal(err))))
		}
	}
	return errors.Join(problems...)
}

// objectsOf are all objects of a task, in the order in which they are applied.
func (d *Driver) objectsOf(task orchestra.Task) ([]*unstructured.Unstructured, error) {
	var objects []*unstructured.Unstructured
	for _, mount := range task.Mounts {
		claim, err := d.templates.Volume(mount.Name, int64(mount.SizeGB)<<30)
		if err != nil {
			return nil, err
		}
		objects = append(objects, claim)
	}
	rendered, err := d.templates.Task(task, render.RoleTask)
	if err != nil {
		return nil, err
	}
	return append(append(objects, rendered.Extras...), rendered.Workload), nil
}

func (d *Driver) applyDry(ctx context.Context, obj *unstructured.Unstructured) error {
	data, err := render.JSON(obj)
	if err != nil {
		return fmt.Errorf("encoding: %w", err)
	}
	client, err := d.client(ctx, obj.GroupVersionKind())
	if err != nil {
		return err
	}
	options := metav1.PatchOptions{
		FieldManager: FieldManager, Force: new(true), FieldValidation: metav1.FieldValidationStrict, DryRun: []string{metav1.DryRunAll},
	}
	return d.retry.do(ctx, "dry run of "+refOf(obj).String(), func(ctx context.Context) error {
		_, err := client.Patch(ctx, obj.GetName(), types.ApplyPatchType, data, options)
		return err
	})
}
