package driver

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"time"

	"k8s.io/apimachinery/pkg/util/remotecommand"
	"k8s.io/client-go/rest"
)

// webSocketExec speaks v5.channel.k8s.io like webSocketAttachment, with output. It needs no window: what runs in the container reads
// all that is sent to it (see execProgram).
type webSocketExec struct {
	conn   webSocket
	frame  []byte
	closed chan struct{} // when receive has ended
}

func dialWebSocketExec(ctx context.Context, config *rest.Config, at *url.URL) (*webSocketExec, error) {
	conn, err := negotiateWebSocket(ctx, config, at)
	if err != nil {
		return nil, err
	}
	return newWebSocketExec(conn), nil
}

func newWebSocketExec(conn webSocket) *webSocketExec {
	return &webSocketExec{conn: conn, frame: make([]byte, 1, 1+webSocketFrame), closed: make(chan struct{})}
}

func (e *webSocketExec) Write(p []byte) (int, error) {
	sent := 0
	for sent < len(p) {
		n := min(len(p)-sent, webSocketFrame)
		e.frame = append(append(e.frame[:0], remotecommand.StreamStdIn), p[sent:sent+n]...)
		if err := e.conn.WriteMessage(binaryMessage, e.frame); err != nil {
			return sent, err
		}
		sent += n
	}
	return sent, nil
}

func (e *webSocketExec) resize(size TerminalSize) error {
	text, err := json.Marshal(size)
	if err != nil {
		return err
	}
	return e.conn.WriteMessage(binaryMessage, append([]byte{remotecommand.StreamResize}, text...))
}

func (e *webSocketExec) Close() error { return e.conn.Close() }

func (e *webSocketExec) receive(stdout, stderr io.Writer) attachAnswer {
	defer close(e.closed)
	go keepAwake(e.conn, e.closed)
	var status []byte
	for {
		_, message, err := e.conn.NextReader()
		if err != nil {
			return noStatus(err)
		}
		var channel [1]byte
		if _, err := io.ReadFull(message, channel[:]); err != nil {
			return noStatus(err)
		}
		switch channel[0] {
		case remotecommand.StreamStdOut:
			_, err = io.Copy(stdout, message)
		case remotecommand.StreamStdErr:
			_, err = io.Copy(stderr, message)
		case remotecommand.StreamErr:
			var text []byte
			text, err = io.ReadAll(io.LimitReader(message, webSocketFrame))
			status = append(status, text...)
			if answer, complete := readAnswer(status); complete {
				return answer
			}
		}
		if err != nil {
			return noStatus(fmt.Errorf("receiving output: %w", err))
		}
	}
}

// keepAwake keeps proxies from taking a quiet connection for a dead one.
func keepAwake(conn webSocket, closed <-chan struct{}) {
	tick := time.NewTicker(webSocketPing)
	defer tick.Stop()
	for {
		select {
		case <-closed:
			return
		case <-tick.C:
			// A dead connection shows itself to who receives. A deadline would stay on the connection, and end a later write that has none.
			_ = conn.WriteControl(pingMessage, nil, time.Time{})
		}
	}
}
