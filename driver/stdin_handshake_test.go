package driver

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"
)

// hijackingServer does what answer does with every connection, once a request is there.
func hijackingServer(t *testing.T, answer func(net.Conn)) *url.URL {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if assert.NoError(t, err) {
			answer(conn)
			_ = conn.Close()
		}
	}))
	t.Cleanup(server.Close)
	at, err := url.Parse(server.URL)
	require.NoError(t, err)
	return at
}

// dialing is the configuration of a driver of a server.
func dialing(at *url.URL) *rest.Config {
	return &rest.Config{Host: at.String(), Dial: (&net.Dialer{}).DialContext}
}

// dialTo opens a WebSocket to a server that does what answer does with the connection, once the request is there.
func dialTo(t *testing.T, ctx context.Context, answer func(net.Conn)) error {
	at := hijackingServer(t, answer)
	_, err := dialWebSocket(ctx, dialing(at), at)
	return err
}

// Only an answer of the server says that it has not attached.
func TestHandshakeIsLostOrRefused(t *testing.T) {
	for name, test := range map[string]struct {
		answer string
		lost   bool
	}{
		"nothing":             {"", true},
		"a part of an answer": {"HTTP/1.1 101 Switching Pro", true},
		"a refusal":           {"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno", false},
		"a part of a refusal": {"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 200\r\n\r\noh", false},
		"another protocol":    {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			err := dialTo(t, t.Context(), func(conn net.Conn) { _, _ = io.WriteString(conn, test.answer) })
			require.Error(t, err)
			var lost *attachLostError
			assert.Equal(t, test.lost, errors.As(err, &lost), "%v", err)
		})
	}
}

func TestHandshakeNeverBegins(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	at := &url.URL{Scheme: "http", Host: listener.Addr().String()}
	_, err = dialWebSocket(t.Context(), dialing(at), at)
	var lost *attachLostError
	require.NotErrorAs(t, err, &lost)
	require.True(t, isBrokenConnection(err), "%v", err)
}

func TestHandshakeEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	began := time.Now()
	err := dialTo(t, ctx, func(conn net.Conn) {
		cancel()
		_, _ = io.Copy(io.Discard, conn) // until the client closes it
	})
	require.Error(t, err)
	assert.Less(t, time.Since(began), time.Minute)
}
