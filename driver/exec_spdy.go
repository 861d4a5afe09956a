package driver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/rest"
)

// spdyExec is for servers, and proxies on the way to them, that have no WebSocket.
type spdyExec struct {
	conn                          io.Closer
	status, stdin, stdout, stderr io.ReadWriteCloser
}

func dialSPDYExec(ctx context.Context, config *rest.Config, at *url.URL) (*spdyExec, error) {
	conn, streams, err := negotiateSPDY(ctx, config, at,
		corev1.StreamTypeError, corev1.StreamTypeStdin, corev1.StreamTypeStdout, corev1.StreamTypeStderr)
	if err != nil {
		return nil, err
	}
	return &spdyExec{conn: conn, status: streams[0], stdin: streams[1], stdout: streams[2], stderr: streams[3]}, nil
}

func (e *spdyExec) Write(p []byte) (int, error) { return e.stdin.Write(p) }
func (e *spdyExec) Close() error                { return e.conn.Close() }

// receive waits for all three streams: they end with the connection, but in no order.
func (e *spdyExec) receive(stdout, stderr io.Writer) attachAnswer {
	var mu sync.Mutex
	var wg sync.WaitGroup
	errs := make([]error, 2)
	for i, output := range []struct {
		from io.Reader
		to   io.Writer
	}{{e.stdout, stdout}, {e.stderr, stderr}} {
		wg.Go(func() {
			if _, errs[i] = io.Copy(&sharedWriter{mu: &mu, w: output.to}, output.from); errs[i] != nil {
				_ = e.conn.Close() // ends the others
			}
		})
	}
	text, err := io.ReadAll(e.status)
	answer, complete := readAnswer(text)
	if !complete {
		answer = noStatus(errors.Join(err, io.ErrUnexpectedEOF))
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return noStatus(fmt.Errorf("receiving output: %w", err))
	}
	return answer
}
