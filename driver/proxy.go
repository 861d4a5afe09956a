package driver

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"

	"golang.org/x/net/proxy"
)

// proxyTimeout is how long a proxy may take to connect. client-go's own handshakes for attach and exec would wait for ever.
const proxyTimeout = 30 * time.Second

// proxyError is a proxy that does not connect.
type proxyError struct {
	proxy, address string
	err            error
	refused        bool // the proxy does not want to; else it may later
}

func (e *proxyError) Error() string {
	return fmt.Sprintf("connecting to %s through the proxy %s: %s", e.address, e.proxy, e.err)
}
func (e *proxyError) Unwrap() error { return e.err }

// proxyFor is the proxy for a server; nil: none.
func (c *connections) proxyFor(ctx context.Context, address string) (*url.URL, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodConnect, c.scheme+"://"+address, http.NoBody)
	if err != nil {
		return nil, err
	}
	chosen, err := c.proxy(req)
	if err != nil {
		return nil, fmt.Errorf("choosing a proxy for %s: %w", address, err)
	}
	return chosen, nil
}

// dialThrough connects to a server through a proxy, with CONNECT also where a request could do without, as attach and exec cannot.
func (c *connections) dialThrough(ctx context.Context, through *url.URL, network, address string) (net.Conn, error) {
	bounded, cancel := context.WithTimeout(ctx, proxyTimeout)
	defer cancel()
	var conn net.Conn
	var err error
	switch through.Scheme {
	case "http", "https":
		conn, err = c.dialTunnel(bounded, through, network, address)
	default: // SOCKS
		conn, err = c.dialSocks(bounded, through, network, address)
	}
	if err == nil {
		return conn, nil
	}
	if bounded.Err() != nil && ctx.Err() == nil {
		err = fmt.Errorf("no answer within %s: %w", proxyTimeout, os.ErrDeadlineExceeded)
	}
	refusal, answered := errors.AsType[*tunnelRefusal](err)
	return nil, &proxyError{proxy: through.Redacted(), address: address, err: err, refused: answered && refusal.code < http.StatusInternalServerError}
}

func (c *connections) dialSocks(ctx context.Context, through *url.URL, network, address string) (net.Conn, error) {
	dialer, err := proxy.FromURL(through, c.opened)
	if err != nil {
		return nil, err
	}
	return dialer.(proxy.ContextDialer).DialContext(ctx, network, address)
}

func (c *connections) dialTunnel(ctx context.Context, through *url.URL, network, address string) (net.Conn, error) {
	port := through.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[through.Scheme]
	}
	conn, err := c.opened.DialContext(ctx, network, net.JoinHostPort(through.Hostname(), port))
	if err != nil {
		return nil, err
	}
	if through.Scheme == "https" {
		settings := c.tls.Clone()
		if settings != nil {
			settings.ServerName = "" // that is the API server's
		}
		if conn, err = startTLS(ctx, conn, settings, through.Hostname()); err != nil {
			return nil, err
		}
	}
	if err := tunnel(ctx, conn, through.User, address); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}

// tunnelRefusal is an HTTP proxy's answer when it does not connect.
type tunnelRefusal struct {
	code   int
	status string
}

func (e *tunnelRefusal) Error() string { return fmt.Sprintf("it answers CONNECT with %q", e.status) }

// tunnel asks an HTTP proxy to connect. The connection is closed when ctx ends before the answer. What the proxy sends behind its answer
// is lost, but a server of TLS or HTTP does not speak first.
func tunnel(ctx context.Context, conn net.Conn, user *url.Userinfo, address string) error {
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	req := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: address}, Host: address, Header: http.Header{}}
	if user != nil {
		password, _ := user.Password()
		req.Header.Set("Proxy-Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(user.Username()+":"+password)))
	}
	if err := req.Write(conn); err != nil {
		return err
	}
	res, err := http.ReadResponse(bufio.NewReader(io.LimitReader(conn, longestRefusal)), req) //nolint:bodyclose // closing might read on
	switch {
	case err != nil:
		return err
	case res.StatusCode != http.StatusOK:
		return &tunnelRefusal{code: res.StatusCode, status: res.Status}
	case !stop():
		return ctx.Err()
	}
	return nil
}
