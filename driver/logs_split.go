package driver

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// errUnsplit ends the reader of stderr when stdout turns out to be the whole log.
var errUnsplit = errors.New("the node does not split its log")

// deliverSplit reads stdout and stderr apart. A node that ignores the parameter sends everything to both: then stderr is read no
// further than its first line, and all goes to stdout.
func (t *logTask) deliverSplit(ctx context.Context, stdout, stderr io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var writing sync.Mutex
	out, other := corev1.LogStreamStdout, corev1.LogStreamStderr
	first := t.reader(&sharedWriter{mu: &writing, w: stdout}, &out)
	second := t.reader(&sharedWriter{mu: &writing, w: stderr}, &other)
	head := second.first
	second.first = func(key pieceKey) (*LogGap, error) {
		if err := t.checkSplit(ctx, key); err != nil {
			return nil, err
		}
		return head(key)
	}

	results := make(chan error)
	for _, r := range []*logReader{first, second} {
		go func() { results <- t.run(ctx, r) }()
	}
	var failed error
	var gaps []error
	for range 2 {
		switch result := <-results; {
		case result == nil:
		case isGap(result):
			gaps = append(gaps, result)
		case errors.Is(result, errUnsplit):
			t.d.logStreams.noteNode(t.node, false)
		case failed == nil:
			failed = result
			cancel() // what the other one says now is a consequence
		}
	}
	return errors.Join(append(gaps, failed)...)
}

// checkSplit compares the first line of stderr with that of stdout. In a log that is split they never are the same: they would
// have to be written in the same nanosecond.
func (t *logTask) checkSplit(ctx context.Context, key pieceKey) error {
	ctx, cancel := context.WithTimeout(ctx, logAnswer)
	defer cancel()
	name := corev1.LogStreamStdout
	stream, err := t.open(ctx, &name, time.Time{}, false)
	if err != nil {
		return err
	}
	defer stream.Close()
	p, err := newLineReader(stream).next()
	if err == nil && keyOf(p) == key {
		return errUnsplit
	}
	return nil // an error here says nothing about the line; the readers see it themselves
}

func isGap(err error) bool {
	_, ok := errors.AsType[*LogGapError](err)
	return ok
}
