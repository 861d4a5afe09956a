package driver

import (
	"context"
	"errors"
	"io"
	"net/url"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/rest"
)

// spdyAttachment is for servers, and proxies on the way to them, that have no WebSocket.
type spdyAttachment struct {
	conn   io.Closer
	stdin  io.WriteCloser
	answer chan attachAnswer
	done   chan struct{}
}

func dialSPDY(ctx context.Context, config *rest.Config, at *url.URL) (*spdyAttachment, error) {
	conn, streams, err := negotiateSPDY(ctx, config, at, corev1.StreamTypeError, corev1.StreamTypeStdin)
	if err != nil {
		return nil, err
	}
	return newSPDYAttachment(conn, newSPDYInput(conn, streams[1]), streams[0]), nil
}

func newSPDYAttachment(conn io.Closer, stdin io.WriteCloser, status io.Reader) *spdyAttachment {
	a := &spdyAttachment{conn: conn, stdin: stdin, answer: make(chan attachAnswer, 1), done: make(chan struct{})}
	go a.receive(status)
	return a
}

func (a *spdyAttachment) Write(p []byte) (int, error) { return a.stdin.Write(p) }
func (a *spdyAttachment) CloseWrite() error           { return a.stdin.Close() }
func (a *spdyAttachment) Answer() <-chan attachAnswer { return a.answer }

func (a *spdyAttachment) Close() error {
	err := a.conn.Close()
	<-a.done
	return err
}

// receive waits for the Status. A connection that breaks ends the stream as cleanly as a server does, but without one.
func (a *spdyAttachment) receive(status io.Reader) {
	defer close(a.done)
	text, err := io.ReadAll(status)
	answer, complete := readAnswer(text)
	if !complete {
		answer = noStatus(errors.Join(err, io.ErrUnexpectedEOF))
	}
	a.answer <- answer
}
