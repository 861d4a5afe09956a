package driver

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net/url"
	"time"

	"k8s.io/apimachinery/pkg/util/remotecommand"
	"k8s.io/client-go/rest"
)

// webSocketMessage is how much stdin a message carries. The message, and the ping behind it, fit into one record of TLS, and so every
// server on the way takes them with one read and hands them on with one write. See stdinWindow.
const webSocketMessage = 16<<10 - 256

// webSocketFirst is how much the first message carries; the second has twice of it, the third three times, and so on: crypto/tls begins a
// connection with small records and lets them grow in the same way.
const webSocketFirst = 1 << 10

// webSocketPing keeps proxies from taking a quiet connection for a dead one. No answer has to come in time: a server whose task
// does not read stdin yet does not read pings either.
const webSocketPing = 20 * time.Second

// webSocketAttachment speaks v5.channel.k8s.io: every message begins with the number of its channel, and 255 with a number
// closes that channel (KEP-4006).
type webSocketAttachment struct {
	conn   webSocket
	window *stdinWindow
	answer chan attachAnswer
	closed chan struct{} // when receive has ended
}

// dialWebSocket attaches over WebSocket.
func dialWebSocket(ctx context.Context, config *rest.Config, at *url.URL) (*webSocketAttachment, error) {
	conn, err := negotiateWebSocket(ctx, config, at)
	if err != nil {
		return nil, err
	}
	return newWebSocketAttachment(conn), nil
}

func newWebSocketAttachment(conn webSocket) *webSocketAttachment {
	a := &webSocketAttachment{
		conn: conn, window: newStdinWindow(),
		answer: make(chan attachAnswer, 1), closed: make(chan struct{}),
	}
	conn.SetPingHandler(a.ping)
	conn.SetPongHandler(a.pong)
	go a.receive()
	go keepAwake(conn, a.closed)
	return a
}

func (a *webSocketAttachment) Write(p []byte) (int, error) {
	sent := 0
	for sent < len(p) {
		n, err := a.send(p[sent:])
		if err != nil {
			return sent, err
		}
		sent += n
	}
	return sent, nil
}

// send sends a message when the window has room, and a ping whose answer says that the server has read it.
func (a *webSocketAttachment) send(p []byte) (int, error) {
	number, err := a.window.enter(a.closed)
	if err != nil {
		return 0, err
	}
	n := min(uint64(len(p)), webSocketMessage, webSocketFirst*number)
	frames := appendFrame(make([]byte, 0, 16<<10), binaryMessage, []byte{remotecommand.StreamStdIn}, p[:n])
	frames = appendFrame(frames, pingMessage, binary.BigEndian.AppendUint64(nil, number))
	_, err = a.conn.NetConn().Write(frames)
	return int(n), err
}

// ping is called by receive's reads. gorilla's own answer would leave a deadline of a second on the connection.
func (a *webSocketAttachment) ping(data string) error {
	return a.conn.WriteControl(pongMessage, []byte(data), time.Time{})
}

// pong is called by receive's reads.
func (a *webSocketAttachment) pong(data string) error {
	if len(data) != 8 {
		return nil // the answer to a ping that keeps the connection awake
	}
	if !a.window.leave(binary.BigEndian.Uint64([]byte(data))) {
		return errors.New("the server answers a ping that was not sent")
	}
	return nil
}

func (a *webSocketAttachment) CloseWrite() error {
	if err := a.window.drain(a.closed); err != nil {
		return err
	}
	_, err := a.conn.NetConn().Write(appendFrame(nil, binaryMessage, []byte{remotecommand.StreamClose, remotecommand.StreamStdIn}))
	return err
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
