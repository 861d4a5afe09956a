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

// send sends until the reader is at its end and the server has confirmed it, or until the server, the connection or the task's end ends it.
// A reader's error leaves the connection open, so that the task can be marked before it sees the end of its input.
func (f *stdinFeed) send(ctx context.Context, conn attachment, r io.Reader) delivery {
	watching, cancel := context.WithCancel(ctx)
	defer cancel()
	over := make(chan struct{})
	go func() {
		if ended, _ := f.state.ended(watching, -1); ended {
			close(over)
		}
	}()
	t := startTransfer(conn, r)
	select {
	case <-ctx.Done():
		return delivery{failure: ctx.Err()}
	case answer := <-conn.Answer():
		return delivery{whole: t.read.Load() && <-t.done == nil, answer: answer}
	case err := <-t.done:
		return f.sent(ctx, conn, err)
	case <-over:
		return f.unwanted(ctx, conn)
	}
}

// unwanted is for a task that has ended while its reader, such as a terminal, may have nothing to say for hours. The runtime holds the attach of
// such a task until something comes for it. The end of the input does, and the runtime's answer to that shows that the connection was whole to
// the last.
func (f *stdinFeed) unwanted(ctx context.Context, conn attachment) delivery {
	late, cancel := context.WithTimeout(ctx, f.pace.exit)
	defer cancel()
	go func() { _ = conn.CloseWrite() }() // if it fails there is no answer; it waits no longer than the connection lives
	select {
	case answer := <-conn.Answer():
		return delivery{answer: answer}
	case <-late.Done():
		return delivery{answer: noStatus(errors.New("the task has ended, and the server does not say so"))}
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
