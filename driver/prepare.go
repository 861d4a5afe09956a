package driver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var (
	namespaceKind      = schema.GroupVersionKind{Version: "v1", Kind: "Namespace"}
	serviceAccountKind = schema.GroupVersionKind{Version: "v1", Kind: "ServiceAccount"}
)

// accountTimeout is how long a new namespace may be without a service account.
const accountTimeout = time.Minute

// prepareNamespace applies namespace.yaml, if a layer has one, once per driver. After a failure the next call tries again.
func (d *Driver) prepareNamespace(ctx context.Context) error {
	select {
	case d.preparing <- struct{}{}:
		defer func() { <-d.preparing }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if d.prepared {
		return nil
	}
	objects, err := d.templates.Namespace()
	if err != nil {
		return err
	}
	l := d.newLaunch()
	for _, obj := range objects {
		if err := l.prepare(ctx, obj); err != nil {
			return fmt.Errorf("preparing the Kubernetes namespace %q: %w", d.namespace, err)
		}
	}
	d.prepared = true
	return nil
}

// prepare applies one object of namespace.yaml. In a new namespace pods are refused until the controller manager has made
// its service account (plugin/pkg/admission/serviceaccount), so prepare waits for that.
func (l *launch) prepare(ctx context.Context, obj *unstructured.Unstructured) error {
	if _, err := l.ensure(ctx, obj); err != nil || obj.GroupVersionKind() != namespaceKind || obj.GetName() != l.d.namespace {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, accountTimeout)
	defer cancel()
	account := ref{kind: serviceAccountKind, namespace: l.d.namespace, name: "default"}
	for pause := firstLook; ; pause = min(2*pause, lastLook) {
		_, err := l.d.look(ctx, account)
		if err == nil {
			return nil
		}
		if !apierrors.IsNotFound(err) || sleep(ctx, pause) != nil {
			return fmt.Errorf("waiting for %s: %w", account, errors.Join(ctx.Err(), err))
		}
	}
}

// removePrepared removes what namespace.yaml has made, the last first.
func (d *Driver) removePrepared(ctx context.Context) error {
	objects, err := d.templates.Namespace()
	if err != nil {
		return err
	}
	for _, obj := range slices.Backward(objects) {
		if err := d.place(ctx, obj); err != nil {
			return err
		}
		live, err := d.look(ctx, refOf(obj))
		if apierrors.IsNotFound(err) {
			continue
		}
		if err != nil {
			return fmt.Errorf("getting %s: %w", refOf(obj), err)
		}
		if checkOwner(live, obj) != nil {
			continue
		}
		if err := d.checkEmpty(ctx, refOf(live)); err != nil {
			return err
		}
		if err := d.remove(ctx, refOf(live)); err != nil {
			return err
		}
	}
	return nil
}

// checkEmpty refuses to delete a Kubernetes namespace in which someone else's pods or claims would go with it.
func (d *Driver) checkEmpty(ctx context.Context, r ref) error {
	if r.kind != namespaceKind {
		return nil
	}
	for _, kind := range []schema.GroupVersionKind{podKind, claimKind} {
		others, err := d.list(ctx, kind, "", func(obj *unstructured.Unstructured) bool { return obj.GetNamespace() == r.name && !d.owns(obj) })
		if err != nil {
			return err
		}
		if len(others) > 0 {
			return fmt.Errorf("deleting %s: others use it, so it is kept: %s", r, listLeft(others))
		}
	}
	return nil
}
