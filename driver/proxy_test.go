package driver

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"

	"github.com/orchestra-ci/orchestra-k8s/internal/faultproxy"
)

// named is a forward proxy as a configuration names it, with a user and a password.
func named(proxy *faultproxy.Proxy) func(*http.Request) (*url.URL, error) {
	at := *proxy.URL()
	at.User = url.UserPassword("me", "secret")
	return http.ProxyURL(&at)
}

// A proxy that does not connect is named, with its answer and without its password. What it refuses is refused at once; a proxy that has lost
// the way to the API server may find it again.
func TestProxyThatRefusesIsNamed(t *testing.T) {
	for code, test := range map[int32]struct {
		status    string
		transient bool
	}{
		http.StatusProxyAuthRequired: {"407 Proxy Authentication Required", false},
		http.StatusForbidden:         {"403 Forbidden", false},
		http.StatusBadGateway:        {"502 Bad Gateway", true},
		http.StatusGatewayTimeout:    {"504 Gateway Timeout", true},
	} {
		t.Run(test.status, func(t *testing.T) {
			s := newAPIServer(t)
			var refuses atomic.Bool
			proxy := faultproxy.StartForward(t, func(*http.Request) faultproxy.Fault {
				if refuses.Load() {
					return faultproxy.Refuse(code)
				}
				return faultproxy.Pass
			})
			config := s.config()
			config.Proxy = named(proxy)
			d, log := openDriver(t, s, "ns", func(cfg *Config) { cfg.RESTConfig = config })
			d.retry.budget, d.trail = 50*time.Millisecond, 0
			c := run(t, d, task("one"))
			s.start(podPath(c))
			require.NoError(t, c.awaitRunning(bounded(t)))
			refuses.Store(true)
			proxy.Reset()
			said := "connecting to " + s.Listener.Addr().String() + " through the proxy http://me:xxxxx@" + proxy.URL().Host + ": it answers CONNECT with \"" + test.status + `"`

			_, err := New(t.Context(), Config{Namespace: "ns", RESTConfig: config}, nil)
			require.ErrorContains(t, err, said)
			_, err = d.RunContainer(t.Context(), task("two"))
			require.ErrorContains(t, err, said)
			assert.Equal(t, test.transient, isTransient(err))
			_, err = (&sandbox{c}).Exec(t.Context(), []string{"true"}, nil, "", nil, nil, nil)
			require.ErrorContains(t, err, "over WebSocket: "+said)
			require.ErrorContains(t, err, "over SPDY: "+said)
			_, err = d.dialAttach(t.Context(), c.ID())
			require.ErrorContains(t, err, "over WebSocket: "+said)
			assert.False(t, isLostAttach(err), "nothing has reached the server")
			assert.NotContains(t, log.String(), "secret")
		})
	}
}

func TestWritesWaitForAProxyThatComesBack(t *testing.T) {
	s := newAPIServer(t)
	var down atomic.Int64
	proxy := faultproxy.StartForward(t, func(*http.Request) faultproxy.Fault {
		if down.Add(-1) >= 0 {
			return faultproxy.Refuse(http.StatusBadGateway)
		}
		return faultproxy.Pass
	})
	d, _ := openDriver(t, s, "ns", func(cfg *Config) { cfg.RESTConfig.Proxy = proxy.Choose })
	down.Store(5)
	proxy.Reset()
	c := run(t, d, task("one"))
	assert.Equal(t, []string{podPath(c)}, s.paths())
}

func TestProxyIsToldWhoAsks(t *testing.T) {
	s := newAPIServer(t)
	proxy := faultproxy.StartForward(t, func(r *http.Request) faultproxy.Fault {
		if r.Header.Get("Proxy-Authorization") != "Basic "+base64.StdEncoding.EncodeToString([]byte("me:secret")) {
			return faultproxy.Refuse(http.StatusProxyAuthRequired)
		}
		return faultproxy.Pass
	})
	config := s.config()
	config.Proxy = proxy.Choose
	_, err := New(t.Context(), Config{Namespace: "ns", RESTConfig: config}, nil)
	require.ErrorContains(t, err, "407 Proxy Authentication Required")
	config.Proxy = named(proxy)
	d, err := New(t.Context(), Config{Namespace: "ns", RESTConfig: config}, nil)
	require.NoError(t, err)
	d.Disconnect()
}

// A proxy behind TLS is trusted like the API server, under its own name.
func TestProxyBehindTLS(t *testing.T) {
	s := faultproxy.Start(t, newAPIServer(t).config(), func(*http.Request) faultproxy.Fault { return faultproxy.Pass })
	proxy := faultproxy.StartForwardTLS(t, func(*http.Request) faultproxy.Fault { return faultproxy.Pass })
	for name, test := range map[string]struct {
		change func(*rest.Config)
		said   string // "": nothing
	}{
		"trusted":                             {func(*rest.Config) {}, ""},
		"API server of another name":          {func(c *rest.Config) { c.ServerName = "example.com" }, ""},
		"neither of the two is to be trusted": {func(c *rest.Config) { c.CAData = nil }, "through the proxy " + proxy.URL().String() + ": tls: failed to verify certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			config := s.Config()
			config.Proxy = proxy.Choose
			test.change(config)
			d, err := New(t.Context(), Config{Namespace: "ns", RESTConfig: config}, nil)
			if test.said != "" {
				require.ErrorContains(t, err, test.said)
				assert.False(t, isTransient(err))
				return
			}
			require.NoError(t, err)
			d.Disconnect()
		})
	}
}

func TestSocksProxy(t *testing.T) {
	s := newAPIServer(t)
	at, err := url.Parse(s.URL)
	require.NoError(t, err)
	proxy, asked := socksProxy(t)
	config := s.config()
	config.Proxy = http.ProxyURL(&url.URL{Scheme: "socks5", Host: proxy})
	d, err := New(t.Context(), Config{Namespace: "ns", RESTConfig: config}, nil)
	require.NoError(t, err)
	d.Disconnect()
	assert.Equal(t, at.Host, <-asked)
}

// socksProxy is a proxy of RFC 1928 that connects once, to an IPv4 address.
func socksProxy(t *testing.T) (address string, asked <-chan string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	targets := make(chan string, 1)
	go func() {
		client, err := listener.Accept()
		if err != nil {
			return
		}
		defer client.Close()
		hello := make([]byte, 3) // version 5, one method, no credentials
		_, _ = io.ReadFull(client, hello)
		_, _ = client.Write([]byte{5, 0})
		connect := make([]byte, 10) // version 5, CONNECT, 0, IPv4, address, port
		_, _ = io.ReadFull(client, connect)
		target := net.JoinHostPort(net.IP(connect[4:8]).String(), strconv.Itoa(int(binary.BigEndian.Uint16(connect[8:]))))
		targets <- target
		server, err := net.Dial("tcp", target)
		if !assert.NoError(t, err) {
			return
		}
		defer server.Close()
		_, _ = client.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
		go func() { _, _ = io.Copy(server, client); server.Close() }()
		_, _ = io.Copy(client, server)
	}()
	return listener.Addr().String(), targets
}

func TestProxyOfAnUnknownKind(t *testing.T) {
	config := newAPIServer(t).config()
	config.Proxy = http.ProxyURL(&url.URL{Scheme: "ftp", Host: "127.0.0.1:1"})
	_, err := New(t.Context(), Config{Namespace: "ns", RESTConfig: config}, nil)
	require.ErrorContains(t, err, "through the proxy ftp://127.0.0.1:1: proxy: unknown scheme: ftp")
}

// Without a context that ends, too, a proxy that does not answer is given up.
func TestSilentProxyIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		config := &rest.Config{Host: "https://cluster.invalid", Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: "proxy.invalid"})}
		config.Dial = func(_ context.Context, _, address string) (net.Conn, error) {
			assert.Equal(t, "proxy.invalid:80", address)
			client, server := net.Pipe()
			go func() { _, _ = io.Copy(io.Discard, server) }()
			return client, nil
		}
		_, err := ownConnections(config)
		require.NoError(t, err)
		_, err = config.Dial(t.Context(), "tcp", "cluster.invalid:443")
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.EqualError(t, err, "connecting to cluster.invalid:443 through the proxy http://proxy.invalid: no answer within 30s: i/o timeout")
		assert.True(t, isTransient(err))
	})
}
