package driver

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"time"

	"k8s.io/apimachinery/pkg/util/remotecommand"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/transport/websocket"
)

// webSocketPing keeps proxies from taking a quiet connection for a dead one. Nobody waits for the answers: a server whose
// task does not read stdin yet does not read pings either.
const webSocketPing = 20 * time.Second

// webSocketFrame is the size of the messages that client-go sends, which every server accepts.
const webSocketFrame = 32 << 10

// Message types of RFC 6455.
const (
	binaryMessage = 2
	pingMessage   = 9
)

// webSocket is what is used of a *websocket.Conn of github.com/gorilla/websocket, which client-go makes.
type webSocket interface {
	NextReader() (messageType int, r io.Reader, err error)
	WriteMessage(messageType int, data []byte) error
	WriteControl(messageType int, data []byte, deadline time.Time) error
	Close() error
}

// webSocketAttachment speaks v5.channel.k8s.io: every message begins with the number of its channel, and 255 with a number
// closes that channel (KEP-4006).
type webSocketAttachment struct {
	conn   webSocket
	frame  []byte
	answer chan attachAnswer
	closed chan struct{}
}

func dialWebSocket(ctx context.Context, config *rest.Config, at *url.URL) (*webSocketAttachment, error) {
	transport, holder, err := websocket.RoundTripperFor(config)
	if err != nil {
		return nil, err
	}
	req, err := newUpgrade(ctx, http.MethodGet, at)
	if err != nil {
		return nil, err
	}
	conn, err := websocket.Negotiate(transport, holder, req, remotecommand.StreamProtocolV5Name)
	if err != nil {
		return nil, err
	}
	return newWebSocketAttachment(conn), nil
}

func newWebSocketAttachment(conn webSocket) *webSocketAttachment {
	a := &webSocketAttachment{
		conn: conn, frame: make([]byte, 1, 1+webSocketFrame),
		answer: make(chan attachAnswer, 1), closed: make(chan struct{}),
	}
	go a.receive()
	go a.ping()
	return a
}

func (a *webSocketAttachment) Write(p []byte) (int, error) {
	sent := 0
	for sent < len(p) {
		n := min(len(p)-sent, webSocketFrame)
		a.frame = append(append(a.frame[:0], remotecommand.StreamStdIn), p[sent:sent+n]...)
		if err := a.conn.WriteMessage(binaryMessage, a.frame); err != nil {
			return sent, err
		}
		sent += n
	}
	return sent, nil
}

func (a *webSocketAttachment) CloseWrite() error {
	return a.conn.WriteMessage(binaryMessage, []byte{remotecommand.StreamClose, remotecommand.StreamStdIn})
}

func (a *webSocketAttachment) Answer() <-chan attachAnswer { return a.answer }

func (a *webSocketAttachment) Close() error {
	err := a.conn.Close()
	<-a.closed
	return err
}

// receive waits for the Status on the error channel.
func (a *webSocketAttachment) receive() {
	defer close(a.closed)
	var status []byte
	for {
		_, message, err := a.conn.NextReader()
		if err != nil {
			a.answer <- noStatus(err)
			return
		}
		text, err := io.ReadAll(io.LimitReader(message, webSocketFrame))
		if err != nil {
			a.answer <- noStatus(err)
			return
		}
		if len(text) == 0 || text[0] != remotecommand.StreamErr {
			continue
		}
		status = append(status, text[1:]...)
		if answer, complete := readAnswer(status); complete {
			a.answer <- answer
			return
		}
	}
}

func (a *webSocketAttachment) ping() {
	tick := time.NewTicker(webSocketPing)
	defer tick.Stop()
	for {
		select {
		case <-a.closed:
			return
		case <-tick.C:
			// A dead connection shows itself to receive; one that is full of stdin needs no ping.
			_ = a.conn.WriteControl(pingMessage, nil, time.Now().Add(webSocketPing/2))
		}
	}
}
