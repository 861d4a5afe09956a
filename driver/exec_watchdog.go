package driver

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"time"
)

// How long nothing may move on the connection to a process before it is looked whether there still is one. The pause doubles up to the last.
const (
	execIdle    = 10 * time.Second
	execIdleMax = 5 * time.Minute
)

// errLost is the end of a process of which nobody has said how it ended.
var errLost = errors.New("its processes are gone, and nobody has said how they ended")

// motion is what a connection's watchdog looks at.
type motion struct {
	moved atomic.Int64 // changes with all that is sent or arrives
	busy  atomic.Bool  // a writer of the caller's is not ready
	lost  atomic.Bool  // the watchdog has closed the connection
}

// movingWriter notes what arrives.
type movingWriter struct {
	motion *motion
	to     io.Writer
}

func (w *movingWriter) Write(p []byte) (int, error) {
	w.motion.moved.Add(1)
	w.motion.busy.Store(true)
	defer w.motion.busy.Store(false)
	return w.to.Write(p)
}

// watchOver closes the connection to a process that is no more. The news of its end does not always come: when its whole group was killed, or its
// container, nobody takes what was sent to it, and a kubelet hands that on first.
func (d *Driver) watchOver(ctx context.Context, e *execution, over func() error) {
	pause, seen := d.execIdle, e.motion.moved.Load()
	for sleep(ctx, pause) == nil {
		now := e.motion.moved.Load()
		switch {
		case now != seen, e.motion.busy.Load():
			pause, seen = d.execIdle, now
		case d.hasLost(ctx, e, over):
			if sleep(ctx, d.trail) == nil { // the news may be on its way
				e.motion.lost.Store(true)
				_ = e.stream.Close()
			}
			return
		default:
			pause = min(2*pause, execIdleMax)
		}
	}
}

// hasLost says whether the process is known to be no more: by its container, or because that takes no other process and the watch knows why. Where
// the first process of the exec is gone, nobody is left who would say anything.
func (d *Driver) hasLost(ctx context.Context, e *execution, over func() error) bool {
	pid := e.pid()
	if pid == "" {
		return over() != nil
	}
	ctx, cancel := context.WithTimeout(ctx, killTimeout)
	defer cancel()
	code, err := d.treat(ctx, e.process, pid, `{ [ ! -d /proc/self ] || [ -d "/proc/$pid" ]; }`)
	if err != nil {
		return !isBrokenConnection(err) && ctx.Err() == nil && over() != nil
	}
	return code == 1
}
