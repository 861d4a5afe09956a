package memdriver

import (
	"bytes"
	"context"
	"io"
	"sync"
)

// outputLog keeps what a task has written, in order, for any number of readers.
type outputLog struct {
	mu      sync.Mutex
	chunks  []chunk
	ended   bool
	changed chan struct{} // closed and replaced when something was added
}

type chunk struct {
	stderr bool
	data   []byte // never changed
}

func newOutputLog() *outputLog { return &outputLog{changed: make(chan struct{})} }

// writer returns the end of the log that one stream writes to.
func (l *outputLog) writer(stderr bool) io.Writer { return logWriter{l, stderr} }

type logWriter struct {
	log    *outputLog
	stderr bool
}

func (w logWriter) Write(p []byte) (int, error) {
	w.log.update(func() { w.log.chunks = append(w.log.chunks, chunk{w.stderr, bytes.Clone(p)}) })
	return len(p), nil
}

// end says that nothing will be added.
func (l *outputLog) end() { l.update(func() { l.ended = true }) }

func (l *outputLog) update(change func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change()
	close(l.changed)
	l.changed = make(chan struct{})
}

// since returns what came after the first n chunks, whether that was all, and what is closed when there is more.
func (l *outputLog) since(n int) ([]chunk, bool, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.chunks[n:], l.ended, l.changed
}

func (l *outputLog) copy(ctx context.Context, stdout, stderr io.Writer, follow bool) error {
	for seen := 0; ; {
		chunks, ended, changed := l.since(seen)
		for _, c := range chunks {
			if err := c.writeTo(stdout, stderr); err != nil {
				return err
			}
		}
		if seen += len(chunks); ended || !follow {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (c chunk) writeTo(stdout, stderr io.Writer) error {
	w := stdout
	if c.stderr {
		w = stderr
	}
	_, err := w.Write(c.data)
	return err
}
