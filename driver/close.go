package driver

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/orchestra-ci/orchestra-k8s/render"
)

// Close ends the calls that are under way and removes every object of the driver's Orchestra namespace, whoever made it: the
// workloads, then, when these are gone, claims, extra objects, and what namespace.yaml has made. Objects of other
// namespaces are never touched, not even those whose label is the same: the raw annotation decides.
//
// Close waits until everything is gone, for each kind of object as long as the grace period and Config.DeletionTimeout allow. When the API
// server cannot be reached, or the network swallows everything, it gives up after that time or a minute, whichever is shorter. If something
// is left the error says so, the driver is closed all the same, and a further Close tries again. After a success Close and Cleanup do nothing
// and return nil; every other method returns ErrClosed.
func (d *Driver) Close() error {
	d.closing.Lock()
	defer d.closing.Unlock()
	d.shut()
	if d.isGone() {
		return nil
	}
	err := d.removeNamespace(context.Background())
	d.watch.close()
	d.disconnect()
	if err != nil {
		return fmt.Errorf("closing the driver of namespace %q: %w", d.cfg.Namespace, err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.gone = true
	return nil
}

// shut refuses new calls, ends those under way, and waits for what they do in the background.
func (d *Driver) shut() {
	d.mu.Lock()
	d.closed = true
	d.mu.Unlock()
	d.cancel(ErrClosed)
	d.wg.Wait()
}

// isGone says whether Close has removed everything.
func (d *Driver) isGone() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.gone
}

// removeNamespace removes what the driver's Orchestra namespace has. Jobs go before pods, or they would replace theirs; claims
// after pods, as a claim stays while a pod that uses it exists.
func (d *Driver) removeNamespace(ctx context.Context) error {
	owned := func(obj *unstructured.Unstructured) bool { return d.owns(obj) }
	kinds := map[schema.GroupVersionKind]bool{}
	for _, kind := range d.templates.Kinds() {
		kinds[groupVersionKind(kind)] = true
	}
	for _, kind := range []schema.GroupVersionKind{jobKind, podKind} {
		removed, err := d.removeAll(ctx, kind, d.selector(), owned)
		if err != nil && !d.mayNot(kind, err) {
			return err
		}
		for _, obj := range removed {
			for _, extra := range extraKinds(obj) {
				kinds[extra] = true
			}
		}
	}
	kinds[leaseKind] = true
	_, err := d.removeAll(ctx, claimKind, d.selector(), owned)
	errs := []error{err}
	for kind := range kinds {
		_, err := d.removeAll(ctx, kind, d.selector(), owned)
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return d.removePrepared(ctx)
}

// extraKinds are the kinds of a workload's extra objects, as its annotation lists them.
func extraKinds(workload *unstructured.Unstructured) []schema.GroupVersionKind {
	var kinds []schema.GroupVersionKind
	for entry := range strings.SplitSeq(workload.GetAnnotations()[render.AnnotationKinds], ",") {
		if at := strings.LastIndex(entry, "/"); at > 0 {
			kinds = append(kinds, schema.FromAPIVersionAndKind(entry[:at], entry[at+1:]))
		}
	}
	return kinds
}
