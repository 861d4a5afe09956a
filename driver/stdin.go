package driver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// stdinFeed brings a task its stdin. See the section "stdin" of docs/design.md for what is proven, and how.
type stdinFeed struct {
	state  stdinTask
	marks  stdinMarks
	sender stdinSender
	attach func(ctx context.Context) (attachment, error)
	pace   stdinPace
}

// stdinTask is what the feed needs to know of the task.
type stdinTask interface {
	// ended waits until the task's container has ended, for at most the time given; 0 asks without waiting, and a negative time is
	// for ever. zero says that its exit code is 0, or not known yet.
	ended(ctx context.Context, wait time.Duration) (ended, zero bool)
}

// stdinMarks writes AnnotationStdin.
type stdinMarks interface {
	claim(ctx context.Context) (claimed bool, holder string, err error)
	set(ctx context.Context, state string) error
	cut(ctx context.Context, why error) error // returns why
}

// stdinPace is how patient a feed is.
type stdinPace struct {
	pause    time.Duration // after a first failed attach; doubles up to pauseMax
	pauseMax time.Duration
	refusals int           // how often the server may refuse the attach
	exit     time.Duration // how long the news of a container's end may trail the server's word that its attach has ended
	code     time.Duration // how long to wait for an exit code that explains why there is no such word
}

func defaultStdinPace() stdinPace {
	return stdinPace{
		pause: 100 * time.Millisecond, pauseMax: 5 * time.Second, refusals: 12,
		exit: 30 * time.Second, code: 3 * time.Second,
	}
}

// feedStdin sends the reader's bytes to the task's stdin, in the background, as soon as its container runs. It ends with the task
// or with the driver. A Read that blocks cannot be interrupted: the goroutine in it, which holds nothing but the reader, ends
// when Read returns. The reader is not closed.
func (d *Driver) feedStdin(c *container, r io.Reader) {
	d.wg.Go(func() {
		if err := d.runStdin(d.ctx, c, r); err != nil && d.ctx.Err() == nil {
			d.log.WarnContext(d.ctx, "sending a task's stdin", "object", c.ref.String(), "error", err)
		}
	})
}

func (d *Driver) runStdin(ctx context.Context, c *container, r io.Reader) error {
	seen, err := d.await(ctx, c.uid, func(r record) bool { return r.started })
	switch {
	case errors.Is(err, errForgotten):
		return nil // it was cleaned up
	case err != nil || seen.status.done || seen.stage != stageRunning:
		return err // it will never read, or has ended by itself without reading
	}
	marks := &podMarks{d: d, seen: seen, owner: fmt.Sprintf("%s/%d", d.instance, d.launches.Add(1))}
	f := &stdinFeed{
		pace:   defaultStdinPace(),
		state:  watchedTask{d: d, uid: c.uid},
		marks:  marks,
		sender: stdinSenders{d: d, marks: marks},
		attach: func(ctx context.Context) (attachment, error) { return d.attachStdin(ctx, podID{seen.pod, seen.podUID}) },
	}
	return f.run(ctx, r)
}

// run says that it sends, attaches and sends; if another driver sends, it only looks after that one. The mark comes first: from the attach on, a driver that dies gives the task an
// early end of its input, and nothing but the mark would tell.
func (f *stdinFeed) run(ctx context.Context, r io.Reader) error {
	if claimed, holder, err := f.marks.claim(ctx); err != nil || !claimed {
		return errors.Join(err, f.guard(ctx, holder))
	}
	conn, err := f.connect(ctx)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case isLostAttach(err):
		return f.settle(ctx, delivery{answer: noStatus(err)})
	case err != nil:
		return f.marks.cut(ctx, fmt.Errorf("attaching: %w", err))
	case conn == nil:
		return f.marks.set(ctx, stdinUnread)
	}
	defer conn.Close()
	return f.settle(ctx, f.send(ctx, conn, r))
}

// connect attaches. It tries again while nobody answers, and a while when the server refuses, as one that restarts does; not when the
// attach may have been made. The attachment is nil when the task has ended meanwhile.
func (f *stdinFeed) connect(ctx context.Context) (attachment, error) {
	for failures, refusals := 0, 0; ; failures++ {
		conn, err := f.attach(ctx)
		if err == nil {
			return conn, nil
		}
		if isLostAttach(err) {
			return nil, err
		}
		if ended, _ := f.state.ended(ctx, 0); ended {
			return nil, nil
		}
		if !isBrokenConnection(err) {
			refusals++
		}
		if ctx.Err() != nil || refusals > f.pace.refusals {
			return nil, err
		}
		if err := sleep(ctx, jitter(min(f.pace.pause<<min(failures, 20), f.pace.pauseMax))); err != nil {
			return nil, err
		}
	}
}

// delivery is what came of sending.
type delivery struct {
	whole   bool         // every byte was written to the connection, and the end
	answer  attachAnswer // of the server
	failure error        // of the caller's reader, or of ctx
}

// settle decides what the delivery means and writes it down.
func (f *stdinFeed) settle(ctx context.Context, got delivery) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case got.failure != nil:
		return f.marks.cut(ctx, got.failure)
	case got.whole && got.answer.given && got.answer.err == nil:
		return f.marks.set(ctx, stdinDelivered)
	}
	// The attach ended before all was sent, or nobody said how. Either the task ended before, or it has seen an early end.
	wait := f.pace.exit
	if !got.answer.given {
		wait = f.pace.code
	}
	switch ended, zero := f.state.ended(ctx, wait); {
	case ctx.Err() != nil:
		return ctx.Err()
	case ended && !zero:
		return nil // the exit code says enough
	case ended && got.answer.ofRuntime():
		return f.marks.set(ctx, stdinUnread)
	case ended && !got.answer.given:
		return f.marks.cut(ctx, fmt.Errorf("%w, and the task ended with exit code 0, so it may have read all that it wanted", got.answer.err))
	case ended || !got.answer.given:
		return f.marks.cut(ctx, got.answer.err)
	}
	return f.marks.cut(ctx, errors.Join(errors.New("the server stopped taking it before its end, while the task went on"), got.answer.err))
}
