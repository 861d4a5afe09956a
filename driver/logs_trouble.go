package driver

import (
	"errors"
	"fmt"
	"time"
)

// trouble is how often in a row the streams of one log have failed. The zero value is not at all.
type trouble struct {
	count int
	since time.Time // of the first time
	last  error
	noted bool // for people
}

func (t *trouble) add(err error) {
	if t.count == 0 {
		t.since = time.Now()
	}
	t.count++
	t.last = err
}

// endsIf notes that a stream has got on.
func (t *trouble) endsIf(progress bool) {
	if progress {
		*t = trouble{}
	}
}

// after adds the last failure to what has ended the reading.
func (t *trouble) after(end error) error {
	if t.last == nil {
		return end
	}
	return fmt.Errorf("%w; before that: %w", end, t.last)
}

// hopeless says whether the rest of an ended container's log has failed to be read often enough, or for long enough. What the kubelet itself
// says of a log, such as that its file is gone, changes less than a connection does.
func (p logPace) hopeless(before trouble, err error) bool {
	if _, said := errors.AsType[*serverError](err); said {
		return before.count >= p.attempts/2
	}
	return before.count >= p.attempts || before.count > 0 && time.Since(before.since) >= p.patience
}

// backoff is the pause after so many failures in a row.
func (p logPace) backoff(failures int) time.Duration {
	return min(p.pause<<min(failures, 20), p.pauseMax)
}
