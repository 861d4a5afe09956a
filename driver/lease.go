package driver

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/orchestra-ci/orchestra-k8s/render"
	"github.com/orchestra-ci/orchestra-k8s/sanitize"
)

// heartbeat is how often a driver that has objects says that it lives.
const heartbeat = 20 * time.Second

var leaseKind = schema.GroupVersionKind{Group: "coordination.k8s.io", Version: "v1", Kind: "Lease"}

// presence tells others that the driver lives, while it uses anything: by a Lease that is renewed. A lease is made only when
// something has been in use for a heartbeat, so that a driver of a few short tasks never makes one; Sweep spares what is
// younger than that anyway.
type presence struct {
	d *Driver

	mu      sync.Mutex
	used    map[types.UID]bool // workloads and claims that the driver has made or taken up
	beating bool

	leasing chan struct{} // holds a token while the lease is written
	leased  bool          // guarded by leasing
}

// use notes that the driver uses an object. Extra objects go with their workload, so only workloads and claims count.
func (p *presence) use(r ref) {
	if r.kind != podKind && r.kind != jobKind && r.kind != claimKind {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.used[r.uid] = true
	if !p.beating {
		p.beating = true
		p.d.wg.Go(p.beat)
	}
}

// lock takes leasing's token, unless ctx ends before.
func (p *presence) lock(ctx context.Context) error {
	select {
	case p.leasing <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *presence) unlock() { <-p.leasing }

// release notes that an object is gone. With the last one the lease goes, too, unless ctx ends before: then Sweep or Close removes it.
func (p *presence) release(ctx context.Context, uid types.UID) {
	p.mu.Lock()
	delete(p.used, uid)
	p.mu.Unlock()
	if p.lock(ctx) != nil {
		return
	}
	defer p.unlock()
	if !p.leased || p.inUse() {
		return
	}
	if err := p.d.dropLease(ctx); err != nil {
		p.d.log.WarnContext(ctx, "removing the driver's lease, which Sweep or Close will remove", "error", err)
		return
	}
	p.leased = false
}

func (p *presence) inUse() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.used) > 0
}

// beat renews the lease until the driver is closed, or for good if the driver may not.
func (p *presence) beat() {
	for sleep(p.d.ctx, heartbeat) == nil {
		err := p.renew(p.d.ctx)
		if err == nil || p.d.ctx.Err() != nil {
			continue
		}
		p.d.log.WarnContext(p.d.ctx, "renewing the driver's lease, without which Sweep takes its tasks for abandoned", "error", err)
		if apierrors.IsForbidden(err) {
			return
		}
	}
}

func (p *presence) renew(ctx context.Context) error {
	if err := p.lock(ctx); err != nil {
		return err
	}
	defer p.unlock()
	if !p.inUse() {
		return nil
	}
	p.leased = true
	return p.d.renewLease(ctx)
}

// renewLease writes the time into the lease, and makes the lease if there is none.
func (d *Driver) renewLease(ctx context.Context) error {
	lease := d.lease()
	patch, err := json.Marshal(map[string]any{"spec": map[string]any{"renewTime": d.leaseTime()}})
	if err != nil {
		return err
	}
	if err := d.merge(ctx, refOf(lease), patch); !apierrors.IsNotFound(err) {
		return err
	}
	if _, err := d.create(ctx, lease); err != nil && !apierrors.IsConflict(err) { // a conflict: an answer was lost
		return fmt.Errorf("applying %s: %w", refOf(lease), err)
	}
	return nil
}

// dropLease deletes the lease, if there is one.
func (d *Driver) dropLease(ctx context.Context) error {
	live, err := d.look(ctx, refOf(d.lease()))
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return err
	}
	return d.delete(ctx, refOf(live))
}

// lease is the driver's lease. It is no template's, as it is about the driver and not about any task.
func (d *Driver) lease() *unstructured.Unstructured { return d.leaseOf(d.instance) }

func (d *Driver) leaseOf(instance string) *unstructured.Unstructured {
	lease := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{
		"holderIdentity": instance, "leaseDurationSeconds": int64(shortestSweep / time.Second), "renewTime": d.leaseTime(),
	}}}
	lease.SetGroupVersionKind(leaseKind)
	lease.SetName(sanitize.Label("orchestra", d.cfg.Namespace, instance))
	lease.SetNamespace(d.namespace)
	lease.SetLabels(map[string]string{render.LabelManagedBy: render.ManagedBy, render.KeyNamespace: sanitize.LabelValue(d.cfg.Namespace)})
	lease.SetAnnotations(map[string]string{render.KeyNamespace: d.cfg.Namespace})
	return lease
}

func (d *Driver) leaseTime() string { return d.now().UTC().Format(metav1.RFC3339Micro) }

// sign is a driver's last sign of life, by its own clock.
type sign struct {
	at    time.Time
	lease ref
}

// signsOfLife are those of all instances of the Orchestra namespace.
func (d *Driver) signsOfLife(ctx context.Context) (map[string]sign, error) {
	leases, err := d.list(ctx, leaseKind, d.selector(), func(obj *unstructured.Unstructured) bool { return d.owns(obj) })
	if err != nil {
		return nil, err
	}
	signs := map[string]sign{}
	for _, lease := range leases {
		instance, _, _ := unstructured.NestedString(lease.Object, "spec", "holderIdentity")
		renewed, _, _ := unstructured.NestedString(lease.Object, "spec", "renewTime")
		at, err := time.Parse(metav1.RFC3339Micro, renewed)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", refOf(lease), err)
		}
		signs[instance] = sign{at: at, lease: refOf(lease)}
	}
	return signs, nil
}
