package driver

import (
	"context"
	"time"
)

// logPace is how patient a logReader is.
type logPace struct {
	idle     time.Duration // a stream that is silent for so long is looked after; doubles up to idleMax while all is well
	idleMax  time.Duration
	answer   time.Duration // how long the server may take to begin its answer
	probe    time.Duration // how long one look may take
	settle   time.Duration // how long the news of a container's end may trail the end of its log
	flush    time.Duration // how long the end of its log may trail the news
	pause    time.Duration // after a first failure; doubles up to pauseMax
	pauseMax time.Duration
	attempts int           // how often in a row the rest of an ended container's log may fail to be read
	patience time.Duration // and for how long, where one attempt takes its time
	many     int           // how many pieces a last read must repeat for a look at the last lines to be worth a request

	after func(time.Duration) <-chan time.Time // the clock
}

// logAnswer is how long the API server may take to begin its answer, which it does when the node does. If it cannot connect to a node within half
// a minute it says so (client-go transport/cache.go), in better words than the driver has.
const logAnswer = 35 * time.Second

// defaultLogPace gives up on the log of an ended container after about a minute: a kubelet or API server that restarts
// is back by then.
func defaultLogPace() logPace {
	return logPace{
		idle: 10 * time.Second, idleMax: 5 * time.Minute, answer: logAnswer, probe: 30 * time.Second, settle: 3 * time.Second, flush: 500 * time.Millisecond,
		pause: 100 * time.Millisecond, pauseMax: 5 * time.Second, attempts: 16, patience: time.Minute, many: 1000, after: time.After,
	}
}

// watch ends a stream that stands still while the log goes on. Two things make one: a kubelet's follower that waits for
// more of a file that was rotated away before it had read to its end (kubernetes/kubernetes#126564), and a connection
// whose other end is gone without a word.
//
// A stream that is silent because the task is silent is left alone, since a new one might have to begin after a rotation
// that this one has followed.
func (r *logReader) watch(ctx context.Context, stop context.CancelCauseFunc, follow bool) {
	pause, seen, ended := r.pace.idle, r.pieces.Load(), r.ended
	for {
		select {
		case <-ctx.Done():
			return
		case <-ended:
			pause, ended = r.pace.idle, nil
			continue
		case <-r.pace.after(pause):
		}
		now := r.pieces.Load()
		switch {
		case now != seen || r.blocked.Load():
			pause, seen = r.pace.idle, now
			continue
		case !follow, ended == nil:
			stop(errStalled) // what has ended is not silent for so long
			return
		}
		if r.behind(ctx) && r.stands(ctx, now) {
			stop(errStalled)
			return
		}
		pause = min(2*pause, r.pace.idleMax)
	}
}

// behind asks the server whether the log has anything that was not delivered.
func (r *logReader) behind(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, r.pace.probe)
	defer cancel()
	r.mu.Lock()
	j := newJoin(r.window, suspect{})
	since := j.since()
	r.mu.Unlock()
	stream, err := r.open(ctx, since, false)
	if err != nil {
		return false // the stream itself will tell
	}
	defer stream.Close()
	for lines := newLineReader(stream); ; {
		p, err := lines.next()
		if err != nil {
			return false
		}
		if p.bare {
			continue
		}
		r.mu.Lock()
		verdict := j.judge(keyOf(p))
		r.mu.Unlock()
		if verdict == deliver {
			return true
		}
	}
}

// stands waits a little and says whether the stream has still not moved: a new line may have been on its way.
func (r *logReader) stands(ctx context.Context, seen int64) bool {
	select {
	case <-ctx.Done():
		return false
	case <-r.pace.after(r.pace.settle):
		return r.pieces.Load() == seen && !r.blocked.Load()
	}
}
