package driver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"
)

// answerGrace is how long a server's Status may trail an error of the connection that carries it.
const answerGrace = 5 * time.Second

// transfer is the goroutine that reads from the caller. It may outlive the feed, in a Read that blocks, so it shares as little
// as it can.
type transfer struct {
	read atomic.Bool // the reader is at its end, and all of it was written
	done chan error  // of the reader, a *sendError of the connection, or nil
}

// sendError is an error of the connection.
type sendError struct{ err error }

func (e *sendError) Error() string { return "sending: " + e.err.Error() }
func (e *sendError) Unwrap() error { return e.err }

func startTransfer(conn attachment, r io.Reader) *transfer {
	t := &transfer{done: make(chan error, 1)}
	go func() { t.done <- t.run(conn, r) }()
	return t
}

func (t *transfer) run(conn attachment, r io.Reader) error {
	buffer := make([]byte, webSocketFrame)
	for {
		n, err := r.Read(buffer)
		if n > 0 {
			if _, err := conn.Write(buffer[:n]); err != nil {
				return &sendError{err}
			}
		}
		switch {
		case err == io.EOF:
			t.read.Store(true)
			if err := conn.CloseWrite(); err != nil {
				return &sendError{err}
			}
			return nil
		case err != nil:
			return fmt.Errorf("reading the task's stdin: %w", err)
		}
	}
}

// send sends until the reader is at its end and the server has confirmed it, or until the server or the connection ends it.
// A reader's error leaves the connection open, so that the task can be marked before it sees the end of its input.
func (f *stdinFeed) send(ctx context.Context, conn attachment, r io.Reader) delivery {
	t := startTransfer(conn, r)
	select {
	case <-ctx.Done():
		return delivery{failure: ctx.Err()}
	case answer := <-conn.Answer():
		return delivery{whole: t.read.Load() && <-t.done == nil, answer: answer}
	case err := <-t.done:
		return f.sent(ctx, conn, err)
	}
}

// sent waits for the server's word when there is nothing more to send.
func (f *stdinFeed) sent(ctx context.Context, conn attachment, err error) delivery {
	if err == nil {
		select {
		case answer := <-conn.Answer():
			return delivery{whole: true, answer: answer}
		case <-ctx.Done():
			return delivery{failure: ctx.Err()}
		}
	}
	broken, ok := errors.AsType[*sendError](err)
	if !ok {
		return delivery{failure: err}
	}
	late, cancel := context.WithTimeout(ctx, answerGrace)
	defer cancel()
	select {
	case answer := <-conn.Answer():
		if !answer.given {
			answer.err = fmt.Errorf("%w: %w", broken, answer.err)
		}
		return delivery{answer: answer}
	case <-late.Done():
		return delivery{answer: noStatus(broken)}
	}
}
