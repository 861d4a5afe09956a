package driver

import (
	"io"
	"sync"
	"time"
)

// How much stdin may be under way. While a task's container ends, what comes for it is a danger: the first write to the connection that the node
// has closed makes the next one fail, whereupon the API server closes both halves and drops the Status that is on its way (apimachinery
// util/proxy/upgradeaware.go), and an end looks like a cut. So one message is under way at a time. Where that would be slow, because the
// server is far away, there are more, with a pause between any two in which the Status gets through.
const (
	stdinWindowMax   = 8                    // messages, which together fit into the buffers of every socket on the way
	stdinWindowPause = 5 * time.Millisecond // between two messages when there are several
	stdinWindowProbe = 8                    // messages that go one by one, to learn how far the server is
)

// stdinWindow decides when a message may be sent. It is told of every message, and of every answer to the ping that comes with it.
type stdinWindow struct {
	mu       sync.Mutex
	underWay []time.Time // when they were sent, oldest first
	answered uint64
	distance time.Duration // the shortest time until an answer
	news     chan struct{} // closed, and made anew, at every answer
}

func newStdinWindow() *stdinWindow { return &stdinWindow{news: make(chan struct{})} }

// enter waits until a message may be sent, and returns its number.
func (w *stdinWindow) enter(closed <-chan struct{}) (number uint64, err error) {
	err = w.await(closed, func() (time.Duration, bool) {
		pause, open := w.room()
		if open && pause <= 0 {
			w.underWay = append(w.underWay, time.Now())
			number = w.answered + uint64(len(w.underWay))
		}
		return pause, open
	})
	return number, err
}

// drain waits until nothing is under way.
func (w *stdinWindow) drain(closed <-chan struct{}) error {
	return w.await(closed, func() (time.Duration, bool) { return 0, len(w.underWay) == 0 })
}

// await asks until it is open and without a pause.
func (w *stdinWindow) await(closed <-chan struct{}, ask func() (pause time.Duration, open bool)) error {
	for {
		w.mu.Lock()
		pause, open := ask()
		news := w.news
		w.mu.Unlock()
		if open && pause <= 0 {
			return nil
		}
		var later <-chan time.Time
		if open {
			later = time.After(pause)
		}
		select {
		case <-news:
		case <-later:
		case <-closed:
			return io.ErrClosedPipe
		}
	}
}

// room says whether one more message may be under way, and how long it has to wait for the one before.
func (w *stdinWindow) room() (pause time.Duration, open bool) {
	n := len(w.underWay)
	if n == 0 {
		return 0, true
	}
	if w.answered < stdinWindowProbe || n > int(w.distance/stdinWindowPause) || n >= stdinWindowMax {
		return 0, false
	}
	return stdinWindowPause - time.Since(w.underWay[n-1]), true
}

// leave hears that the server has read the message of that number, and all before. It is false if that is not under way.
func (w *stdinWindow) leave(number uint64) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := int(number - w.answered)
	if n < 1 || n > len(w.underWay) {
		return false
	}
	if took := time.Since(w.underWay[n-1]); w.answered == 0 || took < w.distance {
		w.distance = took
	}
	w.answered, w.underWay = number, w.underWay[n:]
	close(w.news)
	w.news = make(chan struct{})
	return true
}
