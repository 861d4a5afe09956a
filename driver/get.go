package driver

import (
	"context"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/validate/content"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
	"github.com/orchestra-ci/orchestra-k8s/render"
)

// GetContainer finds a container by its ID, also one that another process has made. It costs a
// request and changes nothing: only RunContainer takes a task over from a process that died, as Sweep understands it. The error is
// orchestra.ErrContainerNotFound if there is none in this Orchestra namespace, whatever the name is used for otherwise.
func (d *Driver) GetContainer(ctx context.Context, containerID string) (orchestra.Container, error) {
	ctx, leave, err := d.enter(ctx)
	if err != nil {
		return nil, fmt.Errorf("getting container %q: %w", containerID, err)
	}
	defer leave()
	live, err := d.findWorkload(ctx, containerID)
	if err != nil {
		return nil, fmt.Errorf("getting container %q: %w", containerID, closedOr(ctx, err))
	}
	return d.containerOf(live)
}

// findWorkload looks for the task's workload of that name, of either kind.
func (d *Driver) findWorkload(ctx context.Context, name string) (*unstructured.Unstructured, error) {
	return d.findRole(ctx, name, render.RoleTask)
}

// findRole is findWorkload for any role.
func (d *Driver) findRole(ctx context.Context, name string, role render.Role) (*unstructured.Unstructured, error) {
	if len(content.IsDNS1123Subdomain(name)) > 0 {
		return nil, orchestra.ErrContainerNotFound
	}
	kinds := []schema.GroupVersionKind{podKind, jobKind}
	if d.makesJobs {
		slices.Reverse(kinds)
	}
	for _, kind := range kinds {
		live, err := d.look(ctx, ref{kind: kind, namespace: d.namespace, name: name})
		switch {
		case apierrors.IsNotFound(err), d.mayNot(kind, err):
		case err != nil:
			return nil, err
		case d.owns(live) && live.GetLabels()[render.KeyRole] == string(role):
			return live, nil
		}
	}
	return nil, orchestra.ErrContainerNotFound
}
