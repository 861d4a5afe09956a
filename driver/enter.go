package driver

import (
	"context"
	"errors"
)

// ErrClosed is the error of every call on a driver that was closed, and of the calls that Close interrupted. Cleanup and a
// second Close are the exceptions: they have nothing to do.
var ErrClosed = errors.New("driver is closed")

// enter begins a public call that may create objects. The returned context ends with ctx and with the driver; leave must be
// called when nothing more will be created, as Close waits for it before it looks for what to delete.
func (d *Driver) enter(ctx context.Context) (context.Context, func(), error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, nil, ErrClosed
	}
	d.wg.Add(1)
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(d.ctx, func() { cancel(ErrClosed) })
	return ctx, func() {
		stop()
		cancel(nil)
		d.wg.Done()
	}, nil
}
