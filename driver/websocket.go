package driver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"time"

	"github.com/gorilla/websocket"
	"k8s.io/apimachinery/pkg/util/remotecommand"
	"k8s.io/client-go/rest"
)

// webSocketFrame is the size of the messages that client-go sends, which every server accepts.
const webSocketFrame = 32 << 10

// Message types of RFC 6455.
const (
	binaryMessage = websocket.BinaryMessage
	pingMessage   = websocket.PingMessage
	pongMessage   = websocket.PongMessage
)

// webSocket is what is used of a *websocket.Conn.
type webSocket interface {
	NextReader() (messageType int, r io.Reader, err error)
	WriteMessage(messageType int, data []byte) error
	WriteControl(messageType int, data []byte, deadline time.Time) error
	SetPingHandler(h func(data string) error)
	SetPongHandler(h func(data string) error)
	NetConn() net.Conn
	Close() error
}

// negotiateWebSocket opens a connection. An *attachLostError says that it broke when the server may have begun already.
//
// client-go's own handshake (transport/websocket) is not used: it does not hear of the end of ctx while it waits for the answer of a proxy.
func negotiateWebSocket(ctx context.Context, config *rest.Config, at *url.URL) (webSocket, error) {
	ctx, cancel := context.WithTimeout(ctx, upgradeTimeout)
	defer cancel()
	upgrade, err := newWebSocketUpgrade(config)
	if err != nil {
		return nil, err
	}
	conn, err := upgrade.do(ctx, at)
	switch {
	case !upgrade.over() && err == nil: // ctx has ended just now, and the connection with it
		return nil, errors.Join(ctx.Err(), conn.Close())
	case upgrade.lost(err):
		return nil, &attachLostError{errors.Join(ctx.Err(), err)}
	case err != nil:
		return nil, err
	}
	return conn, nil
}

// webSocketUpgrade asks a server once to go on in WebSocket.
type webSocketUpgrade struct {
	config   *rest.Config
	wrapped  http.RoundTripper // adds credentials
	conn     *websocket.Conn
	begun    bool        // the connection is there, and the request goes out
	answered bool        // an answer has begun
	over     func() bool // to be called when the attempt is over; false if the connection was closed
}

func newWebSocketUpgrade(config *rest.Config) (*webSocketUpgrade, error) {
	u := &webSocketUpgrade{config: config, over: func() bool { return true }}
	var err error
	u.wrapped, err = rest.HTTPWrappersForConfig(config, u)
	return u, err
}

// do returns the connection once the server has agreed. Its refusal is an apierrors.APIStatus.
func (u *webSocketUpgrade) do(ctx context.Context, at *url.URL) (*websocket.Conn, error) {
	req, err := newUpgrade(ctx, http.MethodGet, at)
	if err != nil {
		return nil, err
	}
	res, err := u.wrapped.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if u.conn == nil {
		return nil, refusedUpgrade(res)
	}
	if protocol := u.conn.Subprotocol(); protocol != remotecommand.StreamProtocolV5Name {
		return nil, errors.Join(fmt.Errorf("the server speaks protocol %q, which cannot end a stream", protocol), u.conn.Close())
	}
	return u.conn, nil
}

// RoundTrip implements http.RoundTripper. gorilla's dialer hears of the end of a context while it connects, but not while it waits for the
// server's answer, so the connection is closed then.
func (u *webSocketUpgrade) RoundTrip(req *http.Request) (*http.Response, error) {
	dialer := websocket.Dialer{
		NetDialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			conn, err := dialServer(ctx, u.config, req.URL)
			if err == nil {
				u.begun = true
				u.over = context.AfterFunc(ctx, func() { _ = conn.Close() })
			}
			return conn, err
		},
		Subprotocols:    []string{remotecommand.StreamProtocolV5Name},
		ReadBufferSize:  webSocketFrame + 1<<10,
		WriteBufferSize: webSocketFrame + 1<<10,
	}
	ctx := httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{GotFirstResponseByte: func() { u.answered = true }})
	at := *req.URL
	at.Scheme = "ws" // what is dialed speaks TLS
	conn, res, err := dialer.DialContext(ctx, at.String(), req.Header)
	if errors.Is(err, websocket.ErrBadHandshake) {
		return res, nil
	}
	u.conn = conn
	return res, err
}

// lost says whether the server may have attached although there is an error: it is not the server's answer.
func (u *webSocketUpgrade) lost(err error) bool {
	return err != nil && u.begun && (!u.answered || isBrokenConnection(err))
}
