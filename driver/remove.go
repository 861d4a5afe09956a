package driver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// filter confirms objects that a selector has found.
type filter func(*unstructured.Unstructured) bool

// removeAll deletes every object of a kind that selector finds and mine confirms, and waits until none is left. It
// returns what it found first. When ctx ends or the deletion takes too long, the error names what is left, and why.
func (d *Driver) removeAll(ctx context.Context, kind schema.GroupVersionKind, selector string, mine filter) (found []*unstructured.Unstructured, err error) {
	ctx, cancel := d.deletionContext(ctx)
	defer cancel()
	asked := map[types.UID]bool{}
	for pause := firstLook; ; pause = min(2*pause, lastLook) {
		left, err := d.list(ctx, kind, selector, mine)
		if err != nil || len(left) == 0 {
			return found, err
		}
		if found == nil {
			found = left
		}
		if err := d.deleteOnce(ctx, left, asked); err != nil {
			return found, err
		}
		if sleep(ctx, pause) != nil {
			return found, fmt.Errorf("waiting until every %s is gone: %w; left: %s", kind.Kind, context.Cause(ctx), listLeft(left))
		}
	}
}

// list returns the objects of a kind that selector finds and mine confirms.
func (d *Driver) list(ctx context.Context, kind schema.GroupVersionKind, selector string, mine filter) ([]*unstructured.Unstructured, error) {
	client, err := d.client(ctx, kind)
	if err != nil {
		return nil, err
	}
	var all *unstructured.UnstructuredList
	err = d.retry.do(ctx, "listing "+kind.Kind, func(ctx context.Context) error {
		var err error
		all, err = client.List(ctx, metav1.ListOptions{LabelSelector: selector})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listing %s objects with %s: %w", kind.Kind, selector, err)
	}
	var confirmed []*unstructured.Unstructured
	for i := range all.Items {
		if mine(&all.Items[i]) {
			confirmed = append(confirmed, &all.Items[i])
		}
	}
	return confirmed, nil
}

// deleteOnce deletes the objects that were not asked for yet, all at the same time; the limiter keeps that bearable.
func (d *Driver) deleteOnce(ctx context.Context, objects []*unstructured.Unstructured, asked map[types.UID]bool) error {
	var wg sync.WaitGroup
	errs := make([]error, len(objects))
	for i, obj := range objects {
		if asked[obj.GetUID()] {
			continue
		}
		asked[obj.GetUID()] = true
		wg.Go(func() { errs[i] = d.delete(ctx, refOf(obj)) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// maxListed keeps messages readable.
const maxListed = 10

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
