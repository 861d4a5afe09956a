package driver

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/remotecommand"
	"k8s.io/client-go/rest"
	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/spdy"
)

// spdyPing is how often a quiet connection is kept awake, as client-go does it (transport/spdy).
const spdyPing = 5 * time.Second

// spdyProtocols are those whose end comes with a Status, the preferred one first.
var spdyProtocols = []string{remotecommand.StreamProtocolV5Name, remotecommand.StreamProtocolV4Name}

// spdyConnection is a connection on which streams can be opened.
type spdyConnection struct {
	streams httpstream.Connection
	below   net.Conn
}

// negotiateSPDY opens a connection whose end comes with a Status, and a stream of each kind on it, in the same order.
//
// client-go's own handshake (transport/spdy) is not used: it does not hear of the end of ctx while it waits for the server's answer.
func negotiateSPDY(ctx context.Context, config *rest.Config, at *url.URL, kinds ...string) (*spdyConnection, []io.ReadWriteCloser, error) {
	upgrade, err := newSPDYUpgrade(config)
	if err != nil {
		return nil, nil, err
	}
	conn, err := upgrade.do(ctx, at)
	if err != nil {
		return nil, nil, err
	}
	streams, err := conn.open(ctx, kinds)
	if err != nil {
		return nil, nil, errors.Join(err, conn.Close())
	}
	return conn, streams, nil
}

// open opens the streams. The server has to confirm each, for which httpstream waits half a minute, whatever becomes of ctx or the
// connection.
func (c *spdyConnection) open(ctx context.Context, kinds []string) ([]io.ReadWriteCloser, error) {
	var streams []io.ReadWriteCloser
	opened := make(chan error, 1)
	go func() {
		for _, kind := range kinds {
			stream, err := c.streams.CreateStream(http.Header{corev1.StreamType: {kind}})
			if err != nil {
				opened <- fmt.Errorf("opening the stream %q: %w", kind, err)
				return
			}
			streams = append(streams, stream)
		}
		opened <- nil
	}()
	select {
	case err := <-opened:
		return streams, err
	case <-c.streams.CloseChan():
		return nil, fmt.Errorf("opening streams: %w", io.ErrUnexpectedEOF)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Close breaks the connection first: its own end would begin with a message, which waits while the network takes nothing.
func (c *spdyConnection) Close() error {
	err := c.below.Close()
	_ = c.streams.Close()
	return err
}

// spdyUpgrade asks a server once to go on in SPDY.
type spdyUpgrade struct {
	dialer  *spdy.SpdyRoundTripper // knows TLS and proxies
	wrapped http.RoundTripper      // adds credentials
	conn    net.Conn
}

func newSPDYUpgrade(config *rest.Config) (*spdyUpgrade, error) {
	tls, err := rest.TLSConfigFor(config)
	if err != nil {
		return nil, err
	}
	u := &spdyUpgrade{}
	if u.dialer, err = spdy.NewRoundTripperWithConfig(spdy.RoundTripperConfig{TLS: tls, Proxier: config.Proxy}); err != nil {
		return nil, err
	}
	u.wrapped, err = rest.HTTPWrappersForConfig(config, u)
	return u, err
}

// do returns the connection once the server has agreed. Its refusal is an apierrors.APIStatus.
func (u *spdyUpgrade) do(ctx context.Context, at *url.URL) (*spdyConnection, error) {
	req, err := newUpgrade(ctx, http.MethodPost, at)
	if err != nil {
		return nil, err
	}
	req.Header[httpstream.HeaderProtocolVersion] = slices.Clone(spdyProtocols)
	res, err := u.wrapped.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	defer context.AfterFunc(ctx, func() { _ = u.close() })()
	if res.StatusCode != http.StatusSwitchingProtocols {
		return nil, errors.Join(ctx.Err(), refusedUpgrade(res), u.close())
	}
	if protocol := res.Header.Get(httpstream.HeaderProtocolVersion); !slices.Contains(spdyProtocols, protocol) {
		return nil, errors.Join(fmt.Errorf("the server speaks protocol %q, which has no status", protocol), u.close())
	}
	streams, err := spdy.NewClientConnectionWithPings(u.conn, spdyPing)
	if err != nil {
		return nil, err // it has closed the connection
	}
	return &spdyConnection{streams: streams, below: u.conn}, nil
}

// RoundTrip implements http.RoundTripper.
func (u *spdyUpgrade) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	req = req.Clone(ctx)
	req.Header.Set(httpstream.HeaderConnection, httpstream.HeaderUpgrade)
	req.Header.Set(httpstream.HeaderUpgrade, spdy.HeaderSpdy31)
	conn, err := u.dialer.Dial(req) // writes the request, too
	if err != nil {
		return nil, err
	}
	u.conn = &closedOnce{Conn: conn, close: sync.OnceValue(conn.Close)}
	defer context.AfterFunc(ctx, func() { _ = u.close() })()
	res, err := http.ReadResponse(bufio.NewReader(conn), req)
	if err != nil {
		return nil, errors.Join(ctx.Err(), err, u.close())
	}
	return res, nil
}

// close closes the connection, if there is one: a wrapper may have answered by itself.
func (u *spdyUpgrade) close() error {
	if u.conn == nil {
		return nil
	}
	return u.conn.Close()
}

// closedOnce lets all who close a connection hear the same.
type closedOnce struct {
	net.Conn
	close func() error
}

func (c *closedOnce) Close() error { return c.close() }

// longestRefusal bounds what is read of a refusal, in bytes.
const longestRefusal = 64 << 10

// refusedUpgrade is the server's answer as an error.
func refusedUpgrade(res *http.Response) error {
	text, err := io.ReadAll(io.LimitReader(res.Body, longestRefusal))
	var status metav1.Status
	if json.Unmarshal(text, &status) == nil && status.Kind == "Status" && status.Status == metav1.StatusFailure {
		return &apierrors.StatusError{ErrStatus: status}
	}
	said := apierrors.NewGenericServerResponse(res.StatusCode, "upgrade", schema.GroupResource{Resource: "pods"}, "", strings.TrimSpace(string(text)), 0, true)
	return errors.Join(said, err)
}
