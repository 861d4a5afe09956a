package driver

import (
	"cmp"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/connrotation"
)

// connections are all the connections of a driver: those of its requests, and those of attach and exec, which client-go would open past
// rest.Config.Dial. All go through the proxy of the configuration, if it has one, and all can be closed at once. Closing "idle" ones is not
// enough: for a moment after it was cancelled, a watch keeps its connection busy, and that would stay open.
type connections struct {
	opened *connrotation.Dialer
	proxy  func(*http.Request) (*url.URL, error)
	scheme string      // of the API server's URL
	tls    *tls.Config // as proxies behind TLS are trusted like the API server

	mu      sync.Mutex
	dialing context.Context // ends what is being dialed
	end     context.CancelFunc
}

// ownConnections makes config's connections its own, and takes the proxy over from client-go. It returns a function that closes them.
func ownConnections(config *rest.Config) (closeAll func(), err error) {
	server, _, err := rest.DefaultServerUrlFor(config)
	if err != nil {
		return nil, err
	}
	c := &connections{scheme: server.Scheme, proxy: config.Proxy}
	if c.tls, err = rest.TLSConfigFor(config); err != nil {
		return nil, err
	}
	if c.proxy == nil {
		c.proxy = utilnet.NewProxierWithNoProxyCIDR(http.ProxyFromEnvironment) // client-go's default
	}
	dial := config.Dial
	if dial == nil {
		dial = (&net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}).DialContext
	}
	c.opened = connrotation.NewDialer(dial)
	c.dialing, c.end = context.WithCancel(context.Background())
	config.Dial = c.dial
	config.Proxy = func(*http.Request) (*url.URL, error) { return nil, nil }
	return c.closeAll, nil
}

// dial connects to a server, through its proxy. A connection that is ready only when all have been closed is closed, too.
func (c *connections) dial(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	dialing := c.current()
	defer context.AfterFunc(dialing, cancel)() // net/http detaches ctx from that of the request
	conn, err := c.connect(ctx, network, address)
	if err == nil && dialing.Err() != nil {
		_ = conn.Close()
		return nil, dialing.Err()
	}
	return conn, err
}

func (c *connections) connect(ctx context.Context, network, address string) (net.Conn, error) {
	proxy, err := c.proxyFor(ctx, address)
	switch {
	case err != nil:
		return nil, err
	case proxy != nil:
		return c.dialThrough(ctx, proxy, network, address)
	}
	return c.opened.DialContext(ctx, network, address)
}

func (c *connections) current() context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dialing
}

// closeAll closes what is open, and ends what is being dialed. New connections can be made afterwards.
func (c *connections) closeAll() {
	c.mu.Lock()
	c.end()
	c.dialing, c.end = context.WithCancel(context.Background())
	c.mu.Unlock()
	c.opened.CloseAll()
}

// tlsTimeout is how long a TLS handshake may take: client-go's limit for requests.
const tlsTimeout = 10 * time.Second

// upgradeTimeout is how long a server may take to agree to another protocol. A kubelet gives its runtime two minutes.
const upgradeTimeout = 3 * time.Minute

// dialServer connects to the API server of a URL, TLS included, for a protocol that begins as HTTP/1.1.
func dialServer(ctx context.Context, config *rest.Config, at *url.URL) (net.Conn, error) {
	secure := at.Scheme == "https"
	port := "80"
	if secure {
		port = "443"
	}
	conn, err := config.Dial(ctx, "tcp", net.JoinHostPort(at.Hostname(), cmp.Or(at.Port(), port)))
	if err != nil || !secure {
		return conn, err
	}
	settings, err := rest.TLSConfigFor(config)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return startTLS(ctx, conn, settings, at.Hostname())
}

// startTLS speaks TLS on a connection. It closes the connection if that fails.
func startTLS(ctx context.Context, conn net.Conn, settings *tls.Config, host string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, tlsTimeout)
	defer cancel()
	if settings == nil {
		settings = &tls.Config{}
	}
	if settings.ServerName == "" {
		settings = settings.Clone()
		settings.ServerName = host
	}
	secured := tls.Client(conn, settings)
	if err := secured.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return secured, nil
}
