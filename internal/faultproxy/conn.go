package faultproxy

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
	"sync/atomic"
)

// listener accepts connections that can be broken and silenced.
type listener struct {
	net.Listener
	mu   sync.Mutex
	open map[*conn]bool
}

func (l *listener) Accept() (net.Conn, error) {
	accepted, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: accepted, listener: l, frozen: make(chan struct{}), closed: make(chan struct{})}
	c.readable.Store(unlimited)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open[c] = true
	return c, nil
}

func (l *listener) resetAll() {
	l.mu.Lock()
	conns := make([]*conn, 0, len(l.open))
	for c := range l.open {
		conns = append(conns, c)
	}
	l.mu.Unlock()
	for _, c := range conns {
		c.reset()
	}
}

const unlimited = 1 << 62

// conn is one TCP connection of a client, below TLS.
type conn struct {
	net.Conn
	listener *listener
	readable atomic.Int64 // bytes until it is reset
	freezing sync.Once
	frozen   chan struct{} // closed when nothing passes any more
	closing  sync.Once
	closed   chan struct{}
}

func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.readable.Add(-int64(n)) < 0 {
		c.reset()
	}
	if c.held() {
		return 0, net.ErrClosed
	}
	return n, err
}

func (c *conn) Write(p []byte) (int, error) {
	if c.held() {
		return 0, net.ErrClosed
	}
	return c.Conn.Write(p)
}

// held waits for the end of a frozen connection, and says whether it is one.
func (c *conn) held() bool {
	select {
	case <-c.frozen:
		<-c.closed
		return true
	default:
		return false
	}
}

func (c *conn) Close() error {
	c.closing.Do(func() { close(c.closed) })
	c.listener.mu.Lock()
	delete(c.listener.open, c)
	c.listener.mu.Unlock()
	return c.Conn.Close()
}

// freeze makes the connection a black hole: it stays, and neither side hears of the other.
func (c *conn) freeze() { c.freezing.Do(func() { close(c.frozen) }) }

// reset breaks the connection so that the client sees a reset, with everything that was on its way lost.
func (c *conn) reset() {
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = c.Close()
}

// resetAfter resets the connection when that many more bytes have come from the client.
func (c *conn) resetAfter(bytes int64) { c.readable.Store(bytes) }

type connKey struct{}

func withConn(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c.(*tls.Conn).NetConn())
}

func connOf(ctx context.Context) *conn { return ctx.Value(connKey{}).(*conn) }
