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
	// ended waits until the task's container has ended, for at most the time given; 0 asks without waiting. zero says that
	// its exit code is 0, or not known yet.
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
	alive    time.Duration // how long the watch must have had no news of the task's end before the first byte is sent
	exit     time.Duration // how long the news of a container's end may trail the server's word that its attach has ended
	code     time.Duration // how long to wait for an exit code that explains why there is no such word
}

func defaultStdinPace() stdinPace {
	return stdinPace{
		pause: 100 * time.Millisecond, pauseMax: 5 * time.Second, refusals: 12,
		alive: 1500 * time.Millisecond, exit: 30 * time.Second, code: 3 * time.Second,
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
		attach: func(ctx context.Context) (attachment, error) { return d.attachStdin(ctx, seen.pod) },
	}
	return f.run(ctx, r)
}

// run says that it sends, attaches and sends; if another driver sends, it only looks after that one. The mark comes first: from the attach on, a driver that dies gives the task an
// early end of its input, and nothing but the mark would tell.
//
// Nothing is sent in the first moments. The runtime goes on holding the attach of a task that has ended until something is written
// to it, and its answer is lost if it meets data that is under way (see webSocketWindow); a task that ends at once would then look like
// one whose stdin was cut. The kubelet sees an end within a second.
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
	if ended, _ := f.state.ended(ctx, f.pace.alive); ended {
		return f.endedUnfed(ctx, conn)
	}
	return f.settle(ctx, f.send(ctx, conn, r))
}

// endedUnfed is for a task that has ended before anything was sent. If its attach has ended, too, that may have been the reason: a
// connection that broke gave the task an early end of its input.
func (f *stdinFeed) endedUnfed(ctx context.Context, conn attachment) error {
	select {
	case answer := <-conn.Answer():
		return f.settle(ctx, delivery{answer: answer})
	default:
		return f.marks.set(ctx, stdinUnread)
	}
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
