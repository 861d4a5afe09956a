package driver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/remotecommand"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/transport/spdy"
)

// spdyAttachment is for servers, and proxies on the way to them, that have no WebSocket.
type spdyAttachment struct {
	conn   io.Closer
	stdin  io.WriteCloser
	answer chan attachAnswer
	done   chan struct{}
}

// spdyConnection is a connection on which streams can be opened.
type spdyConnection struct {
	io.Closer
	open func(kind string) (io.ReadWriteCloser, error)
}

// negotiateSPDY opens a connection whose end comes with a Status.
func negotiateSPDY(ctx context.Context, config *rest.Config, at *url.URL) (*spdyConnection, error) {
	transport, upgrader, err := spdy.RoundTripperFor(config)
	if err != nil {
		return nil, err
	}
	req, err := newUpgrade(ctx, http.MethodPost, at)
	if err != nil {
		return nil, err
	}
	// Older protocols than v4 have no Status.
	conn, protocol, err := spdy.Negotiate(upgrader, &http.Client{Transport: transport}, req, remotecommand.StreamProtocolV5Name, remotecommand.StreamProtocolV4Name)
	if err != nil {
		return nil, err
	}
	if protocol != remotecommand.StreamProtocolV5Name && protocol != remotecommand.StreamProtocolV4Name {
		return nil, errors.Join(fmt.Errorf("the server speaks protocol %q, which has no status", protocol), conn.Close())
	}
	return &spdyConnection{Closer: conn, open: func(kind string) (io.ReadWriteCloser, error) {
		return conn.CreateStream(http.Header{corev1.StreamType: {kind}})
	}}, nil
}

func dialSPDY(ctx context.Context, config *rest.Config, at *url.URL) (*spdyAttachment, error) {
	conn, err := negotiateSPDY(ctx, config, at)
	if err != nil {
		return nil, err
	}
	status, err := conn.open(corev1.StreamTypeError)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	stdin, err := conn.open(corev1.StreamTypeStdin)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return newSPDYAttachment(conn, stdin, status), nil
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
