package driver

import (
	"context"
	"encoding/json"
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
	conn                                 io.Closer
	status, stdin, stdout, stderr, sizes io.ReadWriteCloser // a process with a terminal has no stderr, and others have no size
}

func dialSPDYExec(ctx context.Context, config *rest.Config, at *url.URL, kinds ...string) (*spdyExec, error) {
	conn, streams, err := negotiateSPDY(ctx, config, at, append([]string{corev1.StreamTypeError}, kinds...)...)
	if err != nil {
		return nil, err
	}
	e := &spdyExec{conn: conn, status: streams[0]}
	places := map[string]*io.ReadWriteCloser{
		corev1.StreamTypeStdin: &e.stdin, corev1.StreamTypeStdout: &e.stdout, corev1.StreamTypeStderr: &e.stderr, corev1.StreamTypeResize: &e.sizes,
	}
	for i, kind := range kinds {
		*places[kind] = streams[i+1]
	}
	return e, nil
}

func (e *spdyExec) Write(p []byte) (int, error) { return e.stdin.Write(p) }
func (e *spdyExec) Close() error                { return e.conn.Close() }

func (e *spdyExec) resize(size TerminalSize) error { return json.NewEncoder(e.sizes).Encode(size) }

// receive waits for all streams: they end with the connection, but in no order.
func (e *spdyExec) receive(stdout, stderr io.Writer) attachAnswer {
	var mu sync.Mutex
	var wg sync.WaitGroup
	errs := make([]error, 2)
	for i, output := range []struct {
		from io.ReadWriteCloser
		to   io.Writer
	}{{e.stdout, stdout}, {e.stderr, stderr}} {
		if output.from == nil {
			continue
		}
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
