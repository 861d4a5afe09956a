package driver

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"
)

// chunk is what a runtime writes to a log file at once: a line, or at most 16 KiB of a longer one.
type chunk struct {
	stamp int64
	text  string // with the newline, if it is the end of a line
}

// fakeLog behaves like a container's log behind a kubelet: cri-client pkg/logs/logs.go.
type fakeLog struct {
	mu      sync.Mutex
	changed *sync.Cond
	files   [][]chunk
	over    bool
	ended   chan struct{}
	gone    bool // the pod is deleted
	opens   []openedLog

	// fault is asked at every open for what goes wrong with the stream.
	fault func(open int, follow bool) logFault
}

type openedLog struct {
	since  time.Time
	follow bool
	last   bool // only the last lines
}

// logFault is what goes wrong with one stream. The zero value is a good one.
type logFault struct {
	refuse error         // the answer to the request
	silent bool          // there is no answer
	mute   bool          // the stream begins, and brings nothing
	life   time.Duration // after which the stream is cut; 0: none
	limit  int           // bytes after which the stream ends; 0: none
	cut    error         // how it ends then; nil is a clean end
	stuck  bool          // stays on the file that it has begun with
	skip   bool          // goes to the newest file at once after a rotation, and reads it twice
	text   string        // written at the end, where the server would write an error
}

var errCut = errors.New("connection reset")

func newFakeLog(chunks ...chunk) *fakeLog {
	l := &fakeLog{files: [][]chunk{chunks}, ended: make(chan struct{}), fault: func(int, bool) logFault { return logFault{} }}
	l.changed = sync.NewCond(&l.mu)
	return l
}

func (l *fakeLog) append(chunks ...chunk) {
	l.mu.Lock()
	defer l.mu.Unlock()
	last := len(l.files) - 1
	l.files[last] = append(l.files[last], chunks...)
	l.changed.Broadcast()
}

func (l *fakeLog) rotate(chunks ...chunk) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.files = append(l.files, chunks)
	l.changed.Broadcast()
}

// end is the end of the container.
func (l *fakeLog) end() {
	l.endQuietly(0)
}

// endQuietly is the end of the container, of which the reader hears later.
func (l *fakeLog) endQuietly(news time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = true
	if news == 0 {
		close(l.ended)
	} else {
		time.AfterFunc(news, func() { close(l.ended) })
	}
	l.changed.Broadcast()
}

// whole is all that was ever written.
func (l *fakeLog) whole() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var text bytes.Buffer
	for _, file := range l.files {
		for _, c := range file {
			text.WriteString(c.text)
		}
	}
	return text.String()
}

func (l *fakeLog) followed() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, open := range l.opens {
		if open.follow {
			n++
		}
	}
	return n
}

func (l *fakeLog) open(ctx context.Context, since time.Time, follow bool) (io.ReadCloser, error) {
	return l.serve(ctx, fakeStream{openedLog: openedLog{since: since, follow: follow}})
}

func (l *fakeLog) openLast(ctx context.Context) (io.ReadCloser, error) {
	return l.serve(ctx, fakeStream{openedLog: openedLog{last: true}})
}

func (l *fakeLog) serve(ctx context.Context, s fakeStream) (io.ReadCloser, error) {
	l.mu.Lock()
	l.opens = append(l.opens, s.openedLog)
	f := l.fault(len(l.opens)-1, s.follow)
	l.mu.Unlock()
	switch {
	case f.silent:
		<-ctx.Done()
		return nil, ctx.Err()
	case f.refuse != nil:
		return nil, f.refuse
	}
	r, w := io.Pipe()
	s.log, s.fault, s.ctx, s.out, s.newline = l, f, ctx, w, true
	wake := func() {
		w.CloseWithError(ctx.Err())
		l.mu.Lock()
		defer l.mu.Unlock()
		l.changed.Broadcast()
	}
	stop := context.AfterFunc(ctx, wake)
	if f.life > 0 {
		time.AfterFunc(f.life, func() { w.CloseWithError(errCut) })
	}
	go func() {
		w.CloseWithError(s.serve())
		stop()
	}()
	return r, nil
}

// fakeStream is one request for a log.
type fakeStream struct {
	openedLog
	log     *fakeLog
	fault   logFault
	ctx     context.Context
	out     io.Writer
	file    int
	at      int
	again   bool
	newline bool
	sent    int
}

func (s *fakeStream) serve() error {
	if s.fault.mute {
		<-s.ctx.Done()
		return s.ctx.Err()
	}
	s.begin()
	for {
		c, ok := s.next()
		if !ok {
			return s.fail()
		}
		if err := s.send(c); err != nil {
			if errors.Is(err, errLimit) {
				return s.fault.cut
			}
			return err
		}
	}
}

// fail writes the error text. After an unfinished line nobody could tell it from the log.
func (s *fakeStream) fail() error {
	if !s.newline {
		return nil
	}
	_, err := io.WriteString(s.out, s.fault.text)
	return err
}

// begin finds the first chunk to send.
func (s *fakeStream) begin() {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	s.file = len(s.log.files) - 1
	if s.last {
		s.at = max(0, len(s.log.files[s.file])-lastLines)
	}
}

// next waits for the next chunk to send.
func (s *fakeStream) next() (chunk, bool) {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	for {
		newest := len(s.log.files) - 1
		switch {
		case s.ctx.Err() != nil:
			return chunk{}, false
		case s.at < len(s.log.files[s.file]):
			s.at++
			return s.log.files[s.file][s.at-1], true
		case s.again:
			s.again, s.at = false, 0
			continue
		case !s.follow:
			return chunk{}, false
		case s.file < newest && s.fault.skip && newest-s.file > 1:
			s.file, s.at, s.again = newest, 0, true
			continue
		case s.file < newest && !s.fault.stuck:
			s.file, s.at = s.file+1, 0
			continue
		case s.log.over:
			return chunk{}, false
		}
		s.log.changed.Wait()
	}
}

var errLimit = errors.New("limit")

// send writes a chunk as the kubelet does: chunks before since are left out, and a timestamp stands only at the beginning of a line.
func (s *fakeStream) send(c chunk) error {
	begins := s.newline
	s.newline = c.text[len(c.text)-1] == '\n'
	if time.Unix(0, c.stamp).Before(s.since) {
		return nil
	}
	text := c.text
	if begins {
		text = time.Unix(0, c.stamp).UTC().Format("2006-01-02T15:04:05.000000000Z07:00") + " " + text
	}
	if s.fault.limit > 0 && s.sent+len(text) > s.fault.limit {
		_, _ = io.WriteString(s.out, text[:s.fault.limit-s.sent])
		return errLimit
	}
	s.sent += len(text)
	_, err := io.WriteString(s.out, text)
	return err
}

// reader is a logReader of the fake log. In a synctest bubble its clock is the bubble's.
func (l *fakeLog) reader(out io.Writer) *logReader {
	return &logReader{
		open: l.open, last: l.openLast, out: bufio.NewWriterSize(out, 512), ended: l.ended, gone: func() bool { return l.gone }, object: "Pod/default/fake",
		pace: defaultLogPace(), log: slog.New(slog.DiscardHandler), window: newWindow(),
	}
}
