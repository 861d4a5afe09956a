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

	"github.com/moby/spdystream"
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

// spdyAnswer is how often a stream that waits for its confirmation looks whether the connection is still there.
const spdyAnswer = 10 * time.Millisecond

// spdyConnection is a connection on which streams can be opened.
//
// httpstream's own is not used: it waits half a minute for the confirmation of a stream, whatever becomes of the connection.
type spdyConnection struct {
	conn    *spdystream.Connection
	frames  *spdyFrames
	streams []*spdystream.Stream
	pinging sync.Mutex // held while a ping is under way
}

func newSPDYConnection(below net.Conn) (*spdyConnection, error) {
	frames := &spdyFrames{Conn: below}
	conn, err := spdystream.NewConnection(frames, false)
	if err != nil {
		return nil, errors.Join(err, below.Close())
	}
	c := &spdyConnection{conn: conn, frames: frames}
	go conn.Serve(func(unasked *spdystream.Stream) { _ = unasked.Reset() })
	go c.keepAwake()
	return c, nil
}

// negotiateSPDY opens a connection whose end comes with a Status, and a stream of each kind on it, in the same order.
//
// client-go's own handshake (transport/spdy) is not used: it does not hear of the end of ctx while it waits for the server's answer.
func negotiateSPDY(ctx context.Context, config *rest.Config, at *url.URL, kinds ...string) (*spdyConnection, []io.ReadWriteCloser, error) {
	ctx, cancel := context.WithTimeout(ctx, upgradeTimeout)
	defer cancel()
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

// open opens the streams. The connection breaks when ctx ends before the server has confirmed all. An *attachLostError says that it broke when
// the server may have begun already, which it does as soon as it has confirmed the last.
func (c *spdyConnection) open(ctx context.Context, kinds []string) ([]io.ReadWriteCloser, error) {
	defer context.AfterFunc(ctx, func() { _ = c.frames.Close() })()
	var streams []io.ReadWriteCloser
	for i, kind := range kinds {
		stream, err := c.conn.CreateStream(http.Header{corev1.StreamType: {kind}}, nil, false)
		if err == nil {
			c.streams = append(c.streams, stream)
			err = c.confirmed(stream)
		}
		if err != nil {
			err = errors.Join(ctx.Err(), fmt.Errorf("opening the stream %q: %w", kind, err))
			if i == len(kinds)-1 && !errors.Is(err, spdystream.ErrReset) {
				err = &attachLostError{err}
			}
			return nil, err
		}
		streams = append(streams, stream)
	}
	return streams, ctx.Err()
}

// confirmed waits for the server's answer to a new stream. spdystream wakes those who wait for one when it comes, but not when the
// connection ends.
func (c *spdyConnection) confirmed(stream *spdystream.Stream) error {
	for {
		err := stream.WaitTimeout(spdyAnswer)
		if !errors.Is(err, spdystream.ErrTimeout) {
			return err
		}
		select {
		case <-c.conn.CloseChan():
			return io.ErrUnexpectedEOF
		default:
		}
	}
}

// keepAwake keeps proxies from taking a quiet connection for a dead one.
func (c *spdyConnection) keepAwake() {
	tick := time.NewTicker(spdyPing)
	defer tick.Stop()
	for {
		select {
		case <-c.conn.CloseChan():
			return
		case <-tick.C:
			if c.pinging.TryLock() {
				_, _ = c.conn.Ping() // a connection that has ended says so
				c.pinging.Unlock()
			}
		}
	}
}

// Close breaks the connection first: every word on it would wait while the network takes nothing. What has come and nobody reads is dropped
// with its stream.
func (c *spdyConnection) Close() error {
	err := c.frames.Close()
	for _, stream := range c.streams {
		_ = stream.Reset() // its word to the server fails
	}
	return err
}

// spdyUpgrade asks a server once to go on in SPDY.
type spdyUpgrade struct {
	config  *rest.Config
	wrapped http.RoundTripper // adds credentials
	conn    net.Conn
}

func newSPDYUpgrade(config *rest.Config) (*spdyUpgrade, error) {
	u := &spdyUpgrade{config: config}
	var err error
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
	return newSPDYConnection(u.conn)
}

// RoundTrip implements http.RoundTripper.
func (u *spdyUpgrade) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	req = req.Clone(ctx)
	req.Header.Set(httpstream.HeaderConnection, httpstream.HeaderUpgrade)
	req.Header.Set(httpstream.HeaderUpgrade, spdy.HeaderSpdy31)
	conn, err := dialServer(ctx, u.config, req.URL)
	if err != nil {
		return nil, err
	}
	u.conn = &closedOnce{Conn: conn, close: sync.OnceValue(conn.Close)}
	defer context.AfterFunc(ctx, func() { _ = u.close() })()
	if err := req.Write(conn); err != nil {
		return nil, errors.Join(ctx.Err(), err, u.close())
	}
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
