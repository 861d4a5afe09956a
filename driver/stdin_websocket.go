package driver

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"time"

	"k8s.io/apimachinery/pkg/util/remotecommand"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/transport/websocket"
	"k8s.io/streaming/pkg/httpstream"
)

// webSocketWindow is how many frames may be under way. Every frame is followed by a ping, and the pong says that the server has
// read so far. Without such a bound a task that ends early would look like a cut: a server that closes a connection with unread
// data resets it, and the API server then drops the Status that is on its way (apimachinery util/proxy/upgradeaware.go closes
// both halves when one breaks). So what is under way must fit into the sockets' buffers.
const webSocketWindow = 4

// The first frames go one by one, with a pause in which an answer can come: a task that wants only the beginning of a large input ends
// soon, and the first frame that nobody wants any more then is the only one under way.
const (
	webSocketSlow  = 8 // frames
	webSocketPause = 100 * time.Millisecond
)

// webSocketPing keeps proxies from taking a quiet connection for a dead one. No answer has to come in time: a server whose task
// does not read stdin yet does not read pings either.
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
	SetPongHandler(h func(data string) error)
	Close() error
}

// webSocketAttachment speaks v5.channel.k8s.io: every message begins with the number of its channel, and 255 with a number
// closes that channel (KEP-4006).
type webSocketAttachment struct {
	conn   webSocket
	frame  []byte
	sent   uint64        // frames
	read   uint64        // frames that the server has read; of receive's goroutine
	window chan struct{} // holds a token for each frame under way
	answer chan attachAnswer
	closed chan struct{} // when receive has ended
}

// negotiateWebSocket opens a connection. An *attachLostError says that it broke when the server may have begun already.
func negotiateWebSocket(ctx context.Context, config *rest.Config, at *url.URL) (webSocket, error) {
	transport, holder, err := websocket.RoundTripperFor(config)
	if err != nil {
		return nil, err
	}
	var asked handshake
	req, err := newUpgrade(asked.trace(ctx), http.MethodGet, at)
	if err != nil {
		return nil, err
	}
	conn, err := websocket.Negotiate(transport, holder, req, remotecommand.StreamProtocolV5Name)
	switch {
	case !asked.over() && err == nil: // ctx has ended just now, and the connection with it
		return nil, errors.Join(ctx.Err(), conn.Close())
	case asked.lost(err):
		return nil, &attachLostError{err}
	case err != nil:
		return nil, refusalOf(err)
	}
	return conn, nil
}

// refusalOf is the server's own answer, where client-go hides it in an error that does not unwrap.
func refusalOf(err error) error {
	if failure, ok := errors.AsType[*httpstream.UpgradeFailureError](err); ok {
		return failure.Cause
	}
	return err
}

// dialWebSocket attaches over WebSocket.
func dialWebSocket(ctx context.Context, config *rest.Config, at *url.URL) (*webSocketAttachment, error) {
	conn, err := negotiateWebSocket(ctx, config, at)
	if err != nil {
		return nil, err
	}
	return newWebSocketAttachment(conn), nil
}

// handshake follows the opening of a WebSocket. gorilla's dialer hears of the end of a context while it connects, but not while it
// waits for the server's answer, so the connection is closed then.
type handshake struct {
	begun    bool        // the connection is there, and the request goes out
	answered bool        // an answer has begun
	over     func() bool // to be called when the attempt is over; false if the connection was closed
}

func (h *handshake) trace(ctx context.Context) context.Context {
	h.over = func() bool { return true }
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(got httptrace.GotConnInfo) {
			h.begun = true
			h.over = context.AfterFunc(ctx, func() { _ = got.Conn.Close() })
		},
		GotFirstResponseByte: func() { h.answered = true },
	})
}

// lost says whether the server may have attached although there is an error: it is not the server's answer.
func (h *handshake) lost(err error) bool {
	return err != nil && h.begun && (!h.answered || isBrokenConnection(err))
}

func newWebSocketAttachment(conn webSocket) *webSocketAttachment {
	a := &webSocketAttachment{
		conn: conn, frame: make([]byte, 1, 1+webSocketFrame), window: make(chan struct{}, webSocketWindow),
		answer: make(chan attachAnswer, 1), closed: make(chan struct{}),
	}
	conn.SetPongHandler(a.pong)
	go a.receive()
	go keepAwake(conn, a.closed)
	return a
}

func (a *webSocketAttachment) Write(p []byte) (int, error) {
	sent := 0
	for sent < len(p) {
		n := min(len(p)-sent, webSocketFrame)
		if err := a.send(p[sent : sent+n]); err != nil {
			return sent, err
		}
		sent += n
	}
	return sent, nil
}

// send sends one frame when the window has room for it.
func (a *webSocketAttachment) send(p []byte) error {
	select {
	case a.window <- struct{}{}:
	case <-a.closed:
		return io.ErrClosedPipe
	}
	if a.sent > 0 && a.sent < webSocketSlow {
		select {
		case <-time.After(webSocketPause):
		case <-a.closed:
			return io.ErrClosedPipe
		}
	}
	a.frame = append(append(a.frame[:0], remotecommand.StreamStdIn), p...)
	if err := a.conn.WriteMessage(binaryMessage, a.frame); err != nil {
		return err
	}
	a.sent++
	return a.conn.WriteControl(pingMessage, binary.BigEndian.AppendUint64(nil, a.sent), time.Time{})
}

// pong makes room for the frames that the server has read. It is called by receive's reads.
func (a *webSocketAttachment) pong(data string) error {
	if len(data) != 8 {
		return nil // the answer to a ping that keeps the connection awake
	}
	for read := binary.BigEndian.Uint64([]byte(data)); a.read < read; a.read++ {
		select {
		case <-a.window:
		default:
			return errors.New("the server answers a ping that was not sent")
		}
	}
	return nil
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
