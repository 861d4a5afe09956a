package driver

import (
	"context"
	"errors"
	"io"
	"strconv"
	"sync"
	"time"
)

// fakeAttach is the stdin of a container, as an attachment.
type fakeAttach struct {
	mu       sync.Mutex
	got      []byte
	limit    int           // bytes after which Write fails; 0: none
	gate     chan struct{} // Write waits for it; nil: it does not
	onClose  attachAnswer  // the answer to CloseWrite
	dead     bool          // CloseWrite goes on until Close, without an answer
	answer   chan attachAnswer
	closed   chan struct{}
	closings int
}

func newFakeAttach() *fakeAttach {
	return &fakeAttach{answer: make(chan attachAnswer, 1), closed: make(chan struct{}), onClose: attachAnswer{given: true}}
}

func (a *fakeAttach) Write(p []byte) (int, error) {
	if a.gate != nil {
		select {
		case <-a.gate:
		case <-a.closed:
			return 0, io.ErrClosedPipe
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.limit > 0 && len(a.got)+len(p) > a.limit {
		return 0, errCut
	}
	a.got = append(a.got, p...)
	return len(p), nil
}

func (a *fakeAttach) CloseWrite() error {
	if a.dead {
		<-a.closed
		return io.ErrClosedPipe
	}
	a.answer <- a.onClose
	return nil
}

func (a *fakeAttach) Answer() <-chan attachAnswer { return a.answer }

func (a *fakeAttach) Close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closings++; a.closings == 1 {
		close(a.closed)
	}
	return nil
}

func (a *fakeAttach) received() []byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.got
}

// fakeTask is a task for a stdinFeed: its end, and the marks on its pod.
type fakeTask struct {
	mu     sync.Mutex
	over   chan struct{} // closed at its end
	zero   bool
	states []string
	why    error
	holder string             // the state of a stdin that another driver sends
	signs  int                // so many signs of life of that driver differ from the one before
	events func(state string) // asked at each mark
}

func newFakeTask() *fakeTask { return &fakeTask{over: make(chan struct{}), zero: true} }

func (t *fakeTask) ended(ctx context.Context, wait time.Duration) (ended, zero bool) {
	select {
	case <-t.over:
		return true, t.zero
	default:
	}
	var late <-chan time.Time
	if wait >= 0 {
		late = time.After(wait)
	}
	select {
	case <-t.over:
		return true, t.zero
	case <-ctx.Done():
	case <-late:
	}
	return false, true
}

func (t *fakeTask) claim(context.Context) (claimed bool, holder string, err error) {
	if t.holder != "" {
		return false, t.holder, nil
	}
	t.mark(stdinSending)
	return true, "", nil
}

func (t *fakeTask) sign(context.Context, string) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.signs > 0 {
		t.signs--
	}
	return strconv.Itoa(t.signs), nil
}

func (t *fakeTask) bury(ctx context.Context, state string) error {
	if state != t.holder {
		return errors.New("buried in another state")
	}
	return t.cut(ctx, errSenderDied)
}

func (t *fakeTask) set(_ context.Context, state string) error {
	t.mark(state)
	return nil
}

func (t *fakeTask) cut(_ context.Context, why error) error {
	t.mu.Lock()
	t.why = why
	t.mu.Unlock()
	t.mark(stdinIncomplete)
	return why
}

func (t *fakeTask) mark(state string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.states = append(t.states, state)
	if t.events != nil {
		t.events(state)
	}
}

func (t *fakeTask) feed(attach func(context.Context) (attachment, error)) *stdinFeed {
	return &stdinFeed{state: t, marks: t, sender: t, attach: attach, pace: defaultStdinPace()}
}

func attachTo(a attachment) func(context.Context) (attachment, error) {
	return func(context.Context) (attachment, error) { return a, nil }
}

// brokenReader fails after some bytes.
type brokenReader struct{ left int }

var errReader = errors.New("the disk is broken")

func (r *brokenReader) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, errReader
	}
	n := min(len(p), r.left)
	r.left -= n
	return n, nil
}
