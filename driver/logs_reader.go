package driver

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// openLog opens the log of one container, with timestamps, from a time on; the zero time is the beginning. Ending ctx
// unblocks reads of the stream.
type openLog func(ctx context.Context, since time.Time, follow bool) (io.ReadCloser, error)

// logReader delivers one log to one writer: every line once, in order, over as many streams as that takes.
//
// The end of a stream proves nothing. The API server ends its answer cleanly when its connection to the node breaks
// (apiserver endpoints/handlers/responsewriters/writers.go, StreamObject), and the kubelet's own follower can end
// cleanly without the newest file (cri-client pkg/logs/logs.go). So a log counts as delivered only when the container has
// ended and one more read has brought nothing new.
type logReader struct {
	open   openLog
	last   func(context.Context) (io.ReadCloser, error) // opens the last lines of the log; nil: the server cannot
	out    *bufio.Writer
	ended  <-chan struct{}                 // closed when the container has ended
	age    func() time.Duration            // for how long its end has been known; nil: for ever
	gone   func() bool                     // whether the pod is known to be deleted
	split  bool                            // the stream is one of two: a line may lose its timestamp to the other one
	early  bool                            // the container may not have started: then there is no log, and no use in asking again
	first  func(pieceKey) (*LogGap, error) // asked before the first delivery; nil: not asked
	empty  func() *LogGap                  // asked when the log turns out to hold nothing; nil: not asked
	object string                          // for errors: "Pod/namespace/name"
	node   string                          // for errors: who has the log; "": not known
	pace   logPace
	log    *slog.Logger

	mu      sync.Mutex // guards window against the watchdog
	window  *window
	suspect suspect
	opened  bool // the server has let it read once
	gaps    []LogGap
	pieces  atomic.Int64 // read so far
	blocked atomic.Bool  // the caller's writer is not ready
}

// pass is what one stream brought.
type pass struct {
	delivered int
	lasted    time.Duration
	anchored  bool   // it continued what was delivered before
	tail      []byte // an unfinished line at its end, not delivered
}

// writeError is an error of the caller's writer. It ends the reading.
type writeError struct{ err error }

func (e *writeError) Error() string { return "writing the log: " + e.err.Error() }
func (e *writeError) Unwrap() error { return e.err }

// serverError is what the server wrote into the log instead of a line, after it had answered 200.
type serverError struct{ text string }

func (e *serverError) Error() string { return "the node says: " + e.text }

var (
	errRewound = errors.New("the stream went back to lines that it had sent before")
	errStalled = errors.New("the stream stood still while the log went on")
	errSilent  = errors.New("the API server does not answer")
)

// read delivers what one stream brings.
func (r *logReader) read(ctx context.Context, follow bool) (pass, error) {
	r.mu.Lock()
	j := newJoin(r.window, r.suspect)
	r.mu.Unlock()

	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(r.pace.answer, func() { cancel(fmt.Errorf("%w within %s", errSilent, r.pace.answer)) })
	stream, err := r.open(ctx, j.since(), follow)
	timer.Stop()
	if err != nil {
		err = reasonFor(ctx, err)
		cancel(nil)
		return pass{}, err
	}
	r.opened = true
	began := time.Now()
	r.suspect = suspect{} // the join has it
	var watchdog sync.WaitGroup
	watchdog.Go(func() { r.watch(ctx, cancel, follow) })
	s := &logStream{r: r, j: j, lines: newLineReader(stream)}
	err = s.copy()
	if failed := r.flush(); failed != nil {
		err = failed
	}
	err = reasonFor(ctx, err)
	cancel(nil)
	stream.Close()
	watchdog.Wait()
	r.suspect = j.unsolved(r.suspect)
	return pass{delivered: s.delivered, lasted: time.Since(began), anchored: j.anchored, tail: s.tail}, err
}

// reasonFor is why the reader itself has ended a stream, in place of the error that this has led to.
func reasonFor(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); err != nil && (errors.Is(cause, errStalled) || errors.Is(cause, errSilent)) {
		return cause
	}
	return err
}

// begin is called before each delivery.
func (r *logReader) begin(key pieceKey) error {
	if r.first == nil {
		return nil
	}
	gap, err := r.first(key)
	if err != nil {
		return err
	}
	if gap != nil {
		r.gaps = append(r.gaps, *gap)
	}
	r.first = nil
	return nil
}

func (r *logReader) write(text []byte) error {
	r.blocked.Store(true)
	defer r.blocked.Store(false)
	if _, err := r.out.Write(text); err != nil {
		return &writeError{err}
	}
	return nil
}

func (r *logReader) flush() error {
	r.blocked.Store(true)
	defer r.blocked.Store(false)
	if err := r.out.Flush(); err != nil {
		return &writeError{err}
	}
	return nil
}

// logStream is one stream on its way to the writer.
type logStream struct {
	r         *logReader
	j         *join
	lines     *lineReader
	delivered int
	stamped   bool   // a line with a timestamp was seen
	dropping  bool   // within a bare line that is not delivered
	held      *piece // a bare line, until it is known what follows it
	tail      []byte
}

// copy delivers until the stream ends. nil is a clean end.
func (s *logStream) copy() error {
	for {
		if s.lines.waiting() {
			if err := s.r.flush(); err != nil {
				return err
			}
		}
		p, err := s.lines.next()
		if p.text != nil {
			s.r.pieces.Add(1)
			if taken := s.take(p); taken != nil {
				return taken
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return s.end()
		case err != nil:
			return err
		}
	}
}

// take handles one piece. A line without a timestamp is held back until it is known whether anything follows it: an error
// text of the server is the last thing in its stream.
func (s *logStream) take(p piece) error {
	if held := s.held; held != nil {
		s.held = nil
		if err := s.release(*held); err != nil {
			return err
		}
	}
	s.dropping = s.dropping && p.index > 0
	switch {
	case p.bare && p.index == 0:
		held := p // a copy of its own, so that the others need no heap
		held.text = slices.Clone(p.text)
		s.held = &held
		return nil
	case s.dropping:
		return nil
	case p.open:
		s.tail = slices.Clone(p.text)
		return nil
	}
	s.stamped = s.stamped || !p.bare
	return s.place(p)
}

// release handles a held line that is not the last one. At the beginning of a resumed stream it is the rest of a long line
// that began before the time that was asked for, and so was delivered; the server stamps only beginnings.
func (s *logStream) release(held piece) error {
	if !s.stamped && !s.j.since().IsZero() {
		s.dropping = true
		return nil
	}
	return s.place(held)
}

// place delivers a piece or not.
func (s *logStream) place(p piece) error {
	key := keyOf(p)
	s.r.mu.Lock()
	verdict := s.j.judge(key)
	s.r.mu.Unlock()
	s.noteGap()
	switch verdict {
	case skip:
		return nil
	case rewind:
		s.r.suspect = suspect{key: key, set: true}
		return errRewound
	}
	if err := s.r.begin(key); err != nil {
		return err
	}
	if err := s.r.write(p.text); err != nil {
		return err
	}
	s.delivered++
	s.r.mu.Lock()
	s.r.window.add(key)
	s.r.mu.Unlock()
	return nil
}

func (s *logStream) noteGap() {
	if gap := s.j.gap; gap != nil {
		s.r.gaps, s.j.gap = append(s.r.gaps, *gap), nil
	}
}

// end handles a clean end of the stream.
func (s *logStream) end() error {
	held := s.held
	if held == nil {
		s.j.solve()
		s.noteGap()
		return nil
	}
	if s.r.split && bytes.HasSuffix(held.text, []byte("\n")) {
		return s.release(*held)
	}
	if held.open && len(bytes.Trim(held.text, "0123456789-:.TZ+")) == 0 {
		return io.ErrUnexpectedEOF // cut within a timestamp
	}
	return &serverError{text: string(bytes.TrimSpace(held.text))}
}
