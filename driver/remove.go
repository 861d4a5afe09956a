package driver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// filter confirms objects that a selector has found.
type filter func(*unstructured.Unstructured) bool

// removeAll deletes every object of a kind that selector finds and mine confirms, and waits until none is left. It
// returns what it found first. When ctx ends or the deletion takes too long, the error names what is left, and why. The time begins anew
// with every hundred deletions, or thousands of objects would have no more of it than one has.
func (d *Driver) removeAll(ctx context.Context, kind schema.GroupVersionKind, selector string, mine filter) (found []*unstructured.Unstructured, err error) {
	waiting, cancel := d.deletionContext(ctx)
	defer func() { cancel() }()
	asked := map[types.UID]bool{}
	for pause := firstLook; ; pause = min(2*pause, lastLook) {
		left, err := d.list(waiting, kind, selector, mine.trimming())
		if err != nil || len(left) == 0 {
			return found, err
		}
		if found == nil {
			found = left
		}
		var failed []error
		for some := range slices.Chunk(unasked(left, asked), deletedAtATime) {
			errs := d.deleteEach(waiting, some)
			failed = append(failed, errs...)
			if waiting.Err() != nil || slices.ContainsFunc(errs, isTransient) { // the others would fare no better
				break
			}
			cancel()
			waiting, cancel = d.deletionContext(ctx)
		}
		if len(failed) > 0 {
			return found, joinFew(failed)
		}
		if sleep(waiting, pause) != nil {
			return found, fmt.Errorf("waiting until every %s is gone: %w; left: %s", kind.Kind, context.Cause(waiting), listLeft(left))
		}
	}
}

// trimming leaves of the objects that the filter confirms what deleting needs: their metadata, and what heldBy tells. A whole pod takes ten times
// as much memory, and a namespace may have thousands.
func (mine filter) trimming() filter {
	return func(obj *unstructured.Unstructured) bool {
		if !mine(obj) {
			return false
		}
		obj.SetManagedFields(nil)
		trimmed := map[string]any{"apiVersion": obj.GetAPIVersion(), "kind": obj.GetKind(), "metadata": obj.Object["metadata"]}
		for _, field := range heldByFields {
			if value, found, _ := unstructured.NestedString(obj.Object, field.path...); found {
				_ = unstructured.SetNestedField(trimmed, value, field.path...) // cannot fail: no part of it is there
			}
		}
		obj.Object = trimmed
		return true
	}
}

// list returns the objects of a kind that selector finds and mine confirms, which is read page by page.
func (d *Driver) list(ctx context.Context, kind schema.GroupVersionKind, selector string, mine filter) ([]*unstructured.Unstructured, error) {
	client, err := d.client(ctx, kind)
	if err != nil {
		return nil, err
	}
	var confirmed []*unstructured.Unstructured
	options := metav1.ListOptions{LabelSelector: selector, Limit: listPage}
	for {
		var page *unstructured.UnstructuredList
		err = d.retry.do(ctx, "listing "+kind.Kind, func(ctx context.Context) (err error) {
			page, err = client.List(ctx, options)
			return err
		})
		switch {
		case apierrors.IsResourceExpired(err) && options.Continue != "": // the pages were asked for too slowly
			confirmed, options.Continue = nil, ""
			continue
		case err != nil:
			return nil, fmt.Errorf("listing %s objects with %s: %w", kind.Kind, selector, err)
		}
		for _, obj := range page.Items {
			if mine(&obj) {
				confirmed = append(confirmed, &obj)
			}
		}
		if options.Continue = page.GetContinue(); options.Continue == "" {
			return confirmed, nil
		}
	}
}

// unasked returns the objects whose deletion was not asked for yet, and notes that it is now.
func unasked(objects []*unstructured.Unstructured, asked map[types.UID]bool) []*unstructured.Unstructured {
	var fresh []*unstructured.Unstructured
	for _, obj := range objects {
		if !asked[obj.GetUID()] {
			asked[obj.GetUID()] = true
			fresh = append(fresh, obj)
		}
	}
	return fresh
}

// deletedAtATime is more than the limiter lets through at the same time.
const deletedAtATime = 100

// deleteEach deletes objects, all at the same time, and returns what failed.
func (d *Driver) deleteEach(ctx context.Context, objects []*unstructured.Unstructured) []error {
	var wg sync.WaitGroup
	errs := make([]error, len(objects))
	for i, obj := range objects {
		wg.Go(func() { errs[i] = d.delete(ctx, refOf(obj)) })
	}
	wg.Wait()
	return slices.DeleteFunc(errs, func(err error) bool { return err == nil })
}

// maxListed keeps messages readable.
const maxListed = 10

func joinFew(errs []error) error {
	if more := len(errs) - maxListed; more > 0 {
		errs = append(errs[:maxListed:maxListed], fmt.Errorf("and %d more", more))
	}
	return errors.Join(errs...)
}

func listLeft(objects []*unstructured.Unstructured) string {
	var texts []string
	for _, obj := range objects[:min(len(objects), maxListed)] {
		texts = append(texts, refOf(obj).String()+heldBy(obj))
	}
	slices.Sort(texts)
	if more := len(objects) - maxListed; more > 0 {
		texts = append(texts, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(texts, ", ")
}
