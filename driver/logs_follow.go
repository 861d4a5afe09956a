package driver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// follow delivers the log until the container has ended and everything was delivered. The log of one that has ended already is read
// as a whole: the API server flushes every line of a log that is followed, which costs more than half of the time.
func (r *logReader) follow(ctx context.Context) error {
	if r.hasEnded() {
		return r.finish(ctx, pass{}, false)
	}
	for failed := (trouble{}); ; {
		p, err := r.read(ctx, true)
		failed.endsIf(p.delivered > 0 || p.lasted >= r.pace.idle) // of a silent task there is nothing to deliver
		if stop := r.stop(ctx, err, failed); stop != nil {
			return stop
		}
		pause := r.pace.settle
		if err != nil {
			pause = r.pace.backoff(failed.count)
			failed.add(r.from(err))
			r.noteTrouble(ctx, &failed)
		}
		if !r.rest(ctx, err != nil, pause) {
			continue
		}
		return r.finish(ctx, p, err == nil)
	}
}

// noteTrouble logs a failure of a stream that will be resumed; once in a row of them, where others would have given up, so that it is seen.
func (r *logReader) noteTrouble(ctx context.Context, failed *trouble) {
	if !failed.noted && r.pace.hopeless(*failed, failed.last) {
		failed.noted = true
		r.log.WarnContext(ctx, "the streams of a running task's log fail one after the other; trying again until it has ended", "object", r.object, "error", failed.last)
		return
	}
	r.log.DebugContext(ctx, "a log stream broke; resuming", "object", r.object, "error", failed.last)
}

// rest waits between two streams. It returns true when the container has ended. After a failure it waits the whole pause,
// after a clean end only for the news that the container has ended.
func (r *logReader) rest(ctx context.Context, failed bool, pause time.Duration) bool {
	ended := r.ended
	if failed {
		ended = nil
	}
	select {
	case <-ended:
	case <-ctx.Done():
	case <-r.pace.after(pause):
	}
	return r.hasEnded()
}

func (r *logReader) hasEnded() bool {
	select {
	case <-r.ended:
		return true
	default:
		return false
	}
}

// snapshot delivers what the log holds now.
func (r *logReader) snapshot(ctx context.Context) error {
	if r.hasEnded() {
		return r.finish(ctx, pass{}, false)
	}
	for failed := (trouble{}); ; {
		p, err := r.read(ctx, false)
		failed.endsIf(p.delivered > 0)
		switch stop := r.stop(ctx, err, failed); {
		case stop != nil:
			return stop
		case err == nil:
			return r.close(p.tail)
		case r.pace.hopeless(failed, err):
			return r.give(err)
		}
		r.rest(ctx, true, r.pace.backoff(failed.count))
		failed.add(r.from(err))
	}
}

// finish reads what is left of an ended container's log, until one more read brings nothing new. before is the last
// stream; clean says that it ended without an error.
func (r *logReader) finish(ctx context.Context, before pass, clean bool) error {
	sure := clean && before.anchored
	r.linger(ctx)
	for failed := (trouble{}); ; {
		if clean && r.endsWith(ctx, before.tail) {
			return r.close(before.tail)
		}
		p, err := r.read(ctx, false)
		failed.endsIf(p.delivered > 0)
		if stop := r.stop(ctx, err, failed); stop != nil {
			return stop
		}
		switch {
		case err != nil && r.pace.hopeless(failed, err):
			return r.give(err)
		case err != nil:
			r.rest(ctx, true, r.pace.backoff(failed.count))
			failed.add(r.from(err))
			continue
		case clean && p.repeats(before):
			return r.conclude(p, sure)
		}
		sure = sure || p.anchored
		before, clean, failed = p, true, trouble{}
	}
}

// linger waits until the news of the container's end is so old that the runtime has written the last lines. No part of containerd
// waits for the goroutine that does (pkg/cri/server/container_start.go, createContainerLoggers), so on a busy node the container is
// over first, and two reads in a row agree on a log without its end.
func (r *logReader) linger(ctx context.Context) {
	if r.age == nil {
		return
	}
	if early := r.pace.flush - r.age(); early > 0 {
		select {
		case <-ctx.Done():
		case <-r.pace.after(early):
		}
	}
}

// repeats says whether a stream brought nothing that the one before had not. One that did not even reach the line delivered
// last may have been cut; only a second one that is as short is believed.
func (p pass) repeats(before pass) bool {
	return p.delivered == 0 && bytes.Equal(p.tail, before.tail) && (p.anchored || !before.anchored)
}

// conclude ends the reading of a log that has nothing new. If its newest file does not even hold the line delivered last,
// there was a rotation after it; only a stream that had followed the log up to its end is sure to have seen all.
func (r *logReader) conclude(p pass, sure bool) error {
	if !p.anchored && !sure {
		r.gaps = append(r.gaps, LogGap{After: time.Unix(0, r.window.last.stamp).UTC()})
	}
	return r.close(p.tail)
}

// close delivers the unfinished last line and reports the gaps. A log that holds nothing although it did before is one: for a moment
// after each rotation the newest file, which is all that the kubelet serves, is empty.
func (r *logReader) close(tail []byte) error {
	if r.empty != nil && !r.window.filled && len(tail) == 0 {
		if gap := r.empty(); gap != nil {
			r.gaps = append(r.gaps, *gap)
		}
	}
	if err := r.write(tail); err != nil {
		return err
	}
	if err := r.flush(); err != nil {
		return err
	}
	return r.report(nil)
}

// give gives up on the rest of the log.
func (r *logReader) give(cause error) error {
	cause = r.from(cause)
	if r.window.filled {
		r.gaps = append(r.gaps, LogGap{After: time.Unix(0, r.window.last.stamp).UTC()})
	}
	return r.report(cause)
}

func (r *logReader) report(cause error) error {
	switch {
	case len(r.gaps) > 0:
		return &LogGapError{Object: r.object, Gaps: r.gaps, Cause: cause}
	case cause != nil:
		return r.wrap(cause)
	}
	return nil
}

// stop says whether reading again is of no use, and why. before is how often in a row reading has failed before.
func (r *logReader) stop(ctx context.Context, err error, before trouble) error {
	_, writing := errors.AsType[*writeError](err)
	switch {
	case ctx.Err() != nil:
		return r.wrap(before.after(endOf(ctx)))
	case writing, errors.Is(err, errUnsplit), apierrors.IsInvalid(err), r.early && isNotStarted(err):
		return r.wrap(err)
	case errors.Is(err, errNamesake), apierrors.IsNotFound(err) && r.gone(): // a kubelet that has just started does not know its pods, either
		return r.give(err)
	case isDenied(err) && (!r.opened || before.count >= r.pace.attempts):
		return r.give(err)
	}
	return nil
}

// isNotStarted is the answer of a node that has not started the container, or has not heard of the pod.
func isNotStarted(err error) bool { return apierrors.IsBadRequest(err) || apierrors.IsNotFound(err) }

// isDenied: an API server that has just started denies everything for a moment, until it has read its roles.
func isDenied(err error) bool { return apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) }

func (r *logReader) wrap(err error) error {
	return fmt.Errorf("reading the log of %s: %w", r.object, err)
}

// from adds who has the log to why it could not be read.
func (r *logReader) from(err error) error {
	if r.node == "" {
		return err
	}
	return fmt.Errorf("from node %q: %w", r.node, err)
}
