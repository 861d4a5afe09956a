package driver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// shortestSweep leaves room for a living driver to miss a heartbeat or two.
const shortestSweep = 3 * heartbeat

// Sweep removes what dead processes have left in the driver's Orchestra namespace: workloads, then claims and extra objects, whose
// every user has given no sign of life for longer than olderThan. It returns what it removed, as Kind/namespace/name.
//
// A user is a driver that has made the object, run its task again, mounted its volume or copied to or from it, and not one that has only got
// the container; each renews a Lease every 20 seconds, from its first object until Close. What a living driver uses is never touched,
// however old it is. olderThan must be at least a minute, and longer than the clocks of the drivers' machines differ and than the API server
// may be out of their reach.
func (d *Driver) Sweep(ctx context.Context, olderThan time.Duration) ([]string, error) {
	ctx, leave, err := d.enter(ctx)
	if err != nil {
		return nil, fmt.Errorf("sweeping namespace %q: %w", d.cfg.Namespace, err)
	}
	defer leave()
	if olderThan < shortestSweep {
		return nil, fmt.Errorf("sweeping namespace %q: %s is too short; a living driver gives a sign every %s", d.cfg.Namespace, olderThan, heartbeat)
	}
	signs, err := d.signsOfLife(ctx)
	if err != nil {
		return nil, fmt.Errorf("sweeping namespace %q: %w", d.cfg.Namespace, err)
	}
	s := sweep{d: d, signs: signs, before: d.now().Add(-olderThan)}
	err = s.run(ctx)
	slices.Sort(s.removed)
	if err != nil {
		return s.removed, fmt.Errorf("sweeping namespace %q: %w", d.cfg.Namespace, closedOr(ctx, err))
	}
	return s.removed, nil
}

// sweep is one run of Sweep.
type sweep struct {
	d       *Driver
	signs   map[string]sign
	before  time.Time // a sign of life later than this spares an object
	removed []string
}

func (s *sweep) run(ctx context.Context) error {
	kinds := map[schema.GroupVersionKind]bool{claimKind: true}
	for _, kind := range s.d.templates.Kinds() {
		kinds[groupVersionKind(kind)] = true
	}
	for _, kind := range []schema.GroupVersionKind{jobKind, podKind} {
		workloads, err := s.remove(ctx, kind)
		if err != nil && !s.d.mayNot(kind, err) {
			return err
		}
		for _, workload := range workloads {
			for _, extra := range extraKinds(workload) {
				kinds[extra] = true
			}
		}
	}
	var errs []error
	for kind := range kinds {
		_, err := s.remove(ctx, kind)
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return err // the leases stay, as what is left still points to them
	}
	return s.removeLeases(ctx)
}

func (s *sweep) remove(ctx context.Context, kind schema.GroupVersionKind) ([]*unstructured.Unstructured, error) {
	found, err := s.d.removeAll(ctx, kind, s.d.selector(), s.abandoned)
	for _, obj := range found {
		s.removed = append(s.removed, refOf(obj).String())
	}
	return found, err
}

// abandoned says whether nobody who lives uses the object. A pod of a Job goes with the Job.
func (s *sweep) abandoned(obj *unstructured.Unstructured) bool {
	if !s.d.owns(obj) || len(obj.GetOwnerReferences()) > 0 || !obj.GetCreationTimestamp().Time.Before(s.before) {
		return false
	}
	users := holders(obj)
	return !slices.ContainsFunc(users, s.lives)
}

func (s *sweep) lives(instance string) bool {
	sign, ok := s.signs[instance]
	return instance == s.d.instance || ok && !sign.at.Before(s.before)
}

// removeLeases removes the leases of the dead. A driver that was only cut off makes its own anew.
func (s *sweep) removeLeases(ctx context.Context) error {
	var errs []error
	for instance, sign := range s.signs {
		if !s.lives(instance) {
			errs = append(errs, s.d.delete(ctx, sign.lease))
		}
	}
	return errors.Join(errs...)
}
