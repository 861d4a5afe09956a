package driver

import (
	"context"
	"errors"
	"fmt"
)

// ErrClosed is the error of every call on a driver that was closed, and of the calls that Close interrupted. Cleanup and a
// second Close are the exceptions: they have nothing to do.
var ErrClosed = errors.New("driver is closed")

// enter begins a public call that makes requests. The returned context ends with ctx and with the driver; leave must be called when
// nothing more will be asked or created, as Close waits for it before it looks for what to delete and closes the connections.
func (d *Driver) enter(ctx context.Context) (context.Context, func(), error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, nil, ErrClosed
	}
	d.wg.Add(1)
	ctx, cancel := d.bind(ctx)
	return ctx, func() {
		cancel(nil)
		d.wg.Done()
	}, nil
}

// closedOr adds ErrClosed to the error of a call that Close has interrupted.
func closedOr(ctx context.Context, err error) error {
	if err != nil && errors.Is(context.Cause(ctx), ErrClosed) {
		return fmt.Errorf("%w: %w", ErrClosed, err)
	}
	return err
}
