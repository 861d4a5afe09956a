package driver

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
	"github.com/orchestra-ci/orchestra-k8s/render"
)

// helperTool is the busybox of the helper's image.
const helperTool = "busybox"

// helperMount is where the helper sees the volume, relative to its root.
const helperMount = "volume"

// helpers are the pods through which the driver copies, at most one for each volume. One that is idle waits a while for the next copy.
type helpers struct {
	d        *Driver
	mu       sync.Mutex
	byVolume map[string]*helper
}

// helper is one such pod.
type helper struct {
	volume  string
	started chan struct{} // closed when c or err is set
	left    chan struct{} // closed when it has failed and its last user has left
	launch  *launch
	c       *container
	err     error
	users   int  // guarded by helpers.mu
	uses    int  // guarded by helpers.mu; tells an idle time from a later one
	failed  bool // guarded by helpers.mu
}

func newHelper(volume string) *helper {
	return &helper{volume: volume, started: make(chan struct{}), left: make(chan struct{})}
}

func newHelpers(d *Driver) *helpers { return &helpers{d: d, byVolume: map[string]*helper{}} }

// acquire returns a helper that runs. The caller releases it.
func (p *helpers) acquire(ctx context.Context, volume string) (*helper, error) {
	for {
		h, mine, err := p.join(ctx, volume)
		if err != nil {
			return nil, err
		}
		if mine {
			h.c, h.err = p.start(ctx, h)
			close(h.started)
		} else if !awaits(ctx, h.started) {
			p.release(ctx, h, nil)
			return nil, ctx.Err()
		}
		if err = h.err; err == nil {
			err = h.c.awaitRunning(ctx)
		}
		if err == nil {
			return h, nil
		}
		p.release(ctx, h, err)
		if mine || ctx.Err() != nil {
			return nil, err
		}
	}
}

// awaits waits for an event, and says whether it came before ctx ended.
func awaits(ctx context.Context, event <-chan struct{}) bool {
	select {
	case <-event:
		return true
	case <-ctx.Done():
		return false
	}
}

// join counts the caller among the users of the volume's helper, and says whether the caller is to start it. One that has failed takes no
// more users, and goes when those that it has have left.
func (p *helpers) join(ctx context.Context, volume string) (h *helper, mine bool, err error) {
	for {
		h, mine, joined := p.tryJoin(volume)
		if joined {
			return h, mine, nil
		}
		if !awaits(ctx, h.left) {
			return nil, false, ctx.Err()
		}
	}
}

func (p *helpers) tryJoin(volume string) (h *helper, mine, joined bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	h = p.byVolume[volume]
	switch {
	case h == nil:
		h, mine = newHelper(volume), true
		p.byVolume[volume] = h
	case h.failed:
		return h, false, false
	}
	h.users++
	h.uses++
	return h, mine, true
}

// release gives a helper back. After a failure nobody gets it any more, and the last user removes it, as something of the copy may still be
// under way in it. Otherwise it waits for the next copy.
func (p *helpers) release(ctx context.Context, h *helper, failure error) {
	p.mu.Lock()
	h.users--
	h.failed = h.failed || failure != nil
	last, failed, uses := h.users == 0, h.failed, h.uses
	if last && failed {
		p.forget(h)
		close(h.left)
	}
	p.mu.Unlock()
	switch {
	case last && failed:
		p.remove(ctx, h)
	case last:
		p.d.wg.Go(func() { p.retire(h, uses) })
	}
}

func (p *helpers) forget(h *helper) {
	if p.byVolume[h.volume] == h {
		delete(p.byVolume, h.volume)
	}
}

// retire removes a helper that has been idle since it was used for the given time.
func (p *helpers) retire(h *helper, uses int) {
	if sleep(p.d.ctx, p.d.cfg.HelperIdle) != nil {
		return // Close removes all pods
	}
	p.mu.Lock()
	idle := h.uses == uses && p.byVolume[h.volume] == h
	if idle {
		p.forget(h)
	}
	p.mu.Unlock()
	if idle {
		p.remove(p.d.ctx, h)
	}
}

// drop removes the volume's helper if it is idle: it would keep the volume from being deleted, or from being mounted on another node.
func (p *helpers) drop(ctx context.Context, volume string) {
	p.mu.Lock()
	h := p.byVolume[volume]
	idle := h != nil && h.users == 0
	if idle {
		p.forget(h)
	}
	p.mu.Unlock()
	if idle {
		p.remove(ctx, h)
	}
}

// dropAll is drop for every volume, at the same time.
func (p *helpers) dropAll(ctx context.Context) {
	p.mu.Lock()
	volumes := slices.Collect(maps.Keys(p.byVolume))
	p.mu.Unlock()
	var drops sync.WaitGroup
	for _, volume := range volumes {
		drops.Go(func() { p.drop(ctx, volume) })
	}
	drops.Wait()
}

// remove deletes a helper's objects, and does not wait until they are gone, nor for longer than ctx.
func (p *helpers) remove(ctx context.Context, h *helper) {
	if h.launch == nil {
		return
	}
	if err := h.launch.abandon(ctx); err != nil {
		p.d.log.WarnContext(ctx, "removing a helper that copied, which Sweep or Close will remove", "volume", h.volume, "error", err)
	}
}

// start makes the helper of a volume that exists, where the volume can be mounted.
func (p *helpers) start(ctx context.Context, h *helper) (*container, error) {
	claim, err := p.d.existingClaim(ctx, h.volume)
	if err != nil {
		return nil, err
	}
	place, err := p.d.placeOf(ctx, claim)
	if err != nil {
		return nil, err
	}
	rendered, err := p.d.templates.TaskOn(place.node, orchestra.Task{
		ID: p.d.instance + "/" + h.volume, Image: p.d.settings.HelperImage, Command: []string{helperTool, "sh", "-c", keepAlive, helperTool},
		Mounts: orchestra.Mounts{{Name: h.volume, Path: helperMount}},
	}, render.RoleCopy)
	if err != nil {
		return nil, err
	}
	if err := checkPod(rendered); err != nil {
		return nil, err
	}
	h.launch = p.d.newLaunch()
	c, err := h.launch.anew(ctx, rendered)
	if err == nil {
		err = c.awaitRunning(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("starting a helper that copies%s: %w", place.condition(), err)
	}
	return c, nil
}

// anew makes a workload. One of its name that exists is removed first: it is a former helper that somebody is about to remove, and in which
// something of a failed copy may still be under way.
func (l *launch) anew(ctx context.Context, rendered *render.Rendered) (*container, error) {
	for {
		c, _, err := l.workload(ctx, rendered)
		if err != nil || l.made(c.ref) {
			return c, err
		}
		if err := l.d.remove(ctx, c.ref); err != nil {
			return nil, fmt.Errorf("removing a former helper: %w", err)
		}
	}
}
