package driver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// AnnotationLaunch says which call of which driver created an object: the driver's instance, a slash, and a number.
// It tells an answer that was lost on its way from an object of someone else, and living drivers from dead ones.
const AnnotationLaunch = "orchestra.launch"

// launch creates the objects of one call, and can remove them again: those that this call made, and no others.
type launch struct {
	d       *Driver
	mark    string // value of AnnotationLaunch
	created []ref  // in the order of creation
	unknown []ref  // applied, but nobody knows whether they exist: the answer never came
}

func (d *Driver) newLaunch() *launch {
	return &launch{d: d, mark: fmt.Sprintf("%s/%d", d.instance, d.launches.Add(1))}
}

// ensure creates obj, or returns the object that exists already. An object that is being deleted is waited for, then obj is
// created; one that belongs to someone else is a ForeignError.
func (l *launch) ensure(ctx context.Context, obj *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	setAnnotation(obj, AnnotationLaunch, l.mark)
	if err := l.d.place(ctx, obj); err != nil {
		return nil, err
	}
	begin := l.d.retry.now()
	for pause := firstLook; ; pause = min(2*pause, lastLook) {
		live, err := l.d.create(ctx, obj)
		if err == nil {
			l.take(live)
			return live, nil
		}
		if !apierrors.IsConflict(err) {
			if ctx.Err() != nil || isTransient(err) {
				l.unknown = append(l.unknown, refOf(obj))
			}
			return nil, fmt.Errorf("applying %s: %w", refOf(obj), explainRefusal(err))
		}
		conflict := err
		live, err = l.d.look(ctx, refOf(obj))
		switch {
		case apierrors.IsNotFound(err): // a conflict about something else, or deleted just now
			if l.d.retry.now().Sub(begin) > l.d.retry.budget || sleep(ctx, pause) != nil {
				return nil, fmt.Errorf("applying %s: %w", refOf(obj), errors.Join(ctx.Err(), conflict))
			}
		case err != nil:
			return nil, fmt.Errorf("getting %s, which exists: %w", refOf(obj), err)
		default:
			usable, err := l.adopt(ctx, live, obj)
			if err != nil || usable {
				return live, err
			}
		}
	}
}

// adopt says whether the live object can be used in place of obj. If it is being deleted, adopt waits until it is gone.
func (l *launch) adopt(ctx context.Context, live, obj *unstructured.Unstructured) (bool, error) {
	if err := checkOwner(live, obj); err != nil {
		return false, err
	}
	if live.GetDeletionTimestamp() != nil {
		return false, l.d.waitGone(ctx, refOf(live))
	}
	if l.isOwn(live) { // created by an earlier attempt of this very call, whose answer was lost
		l.take(live)
		return true, nil
	}
	return true, l.d.takeUp(ctx, live)
}

// take notes an object that this call has made.
func (l *launch) take(live *unstructured.Unstructured) {
	l.created = append(l.created, refOf(live))
	l.d.presence.use(refOf(live))
}

// made says whether this call has made an object.
func (l *launch) made(r ref) bool { return slices.Contains(l.created, r) }

func (l *launch) isOwn(live *unstructured.Unstructured) bool {
	return live.GetAnnotations()[AnnotationLaunch] == l.mark
}

// undoTimeout bounds the removal of what a failed call has made, as the caller's context may be what ended it.
const undoTimeout = 30 * time.Second

// undo removes what this call created, the last first. The error, if any, names what is left.
func (l *launch) undo(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
	defer cancel()
	var errs []error
	for _, r := range l.unknown {
		live, err := l.d.look(ctx, r)
		if err == nil && l.isOwn(live) {
			l.take(live)
		} else if err != nil && !apierrors.IsNotFound(err) {
			errs = append(errs, fmt.Errorf("looking whether %s was created: %w", r, err))
		}
	}
	for _, r := range slices.Backward(l.created) {
		errs = append(errs, l.d.delete(ctx, r))
		l.d.presence.release(ctx, r.uid)
	}
	return errors.Join(errs...)
}

// place gives obj the namespace of its kind: the driver's, or none.
func (d *Driver) place(ctx context.Context, obj *unstructured.Unstructured) error {
	found, err := d.resources.of(ctx, obj.GroupVersionKind())
	if err != nil {
		return fmt.Errorf("applying %s: %w", refOf(obj), err)
	}
	if found.namespaced {
		obj.SetNamespace(d.namespace)
	} else {
		obj.SetNamespace("")
	}
	return nil
}

func setAnnotation(obj *unstructured.Unstructured, key, value string) {
	annotations := obj.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[key] = value
	obj.SetAnnotations(annotations)
}
