package faultproxy

import (
	"context"
	"crypto/tls"
	"maps"
	"net"
	"slices"
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
	c.spoilAfter(up, unlimited, nil)
	c.spoilAfter(down, unlimited, nil)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open[c] = true
	return c, nil
}

// all does something to every connection that is open.
func (l *listener) all(do func(*conn)) {
	l.mu.Lock()
	conns := slices.Collect(maps.Keys(l.open))
	l.mu.Unlock()
	for _, c := range conns {
		do(c)
	}
}

// Directions of a connection.
const (
	up   = iota // from the client
	down        // to the client
)

const unlimited = 1 << 62

// conn is one TCP connection of a client, below TLS.
type conn struct {
	net.Conn
	listener *listener
	limits   [2]atomic.Pointer[limit] // by direction
	freezing sync.Once
	frozen   chan struct{} // closed when nothing passes any more
	closing  sync.Once
	closed   chan struct{}
}

// limit is what happens to a connection when it has carried so many bytes.
type limit struct {
	left  atomic.Int64
	spoil func(*conn)
}

// spoilAfter spoils the connection when it has carried that many more bytes in one direction.
func (c *conn) spoilAfter(direction int, bytes int64, spoil func(*conn)) {
	l := &limit{spoil: spoil}
	l.left.Store(bytes)
	c.limits[direction].Store(l)
}

func (c *conn) carried(direction, bytes int) {
	if l := c.limits[direction].Load(); l.left.Add(-int64(bytes)) < 0 {
		l.spoil(c)
	}
}

// Read never hands on what came after the limit.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.carried(up, n)
	if c.held() {
		return 0, net.ErrClosed
	}
	return n, err
}

// Write sends what the limit allows.
func (c *conn) Write(p []byte) (int, error) {
	if c.held() {
		return 0, net.ErrClosed
	}
	allowed := p[:max(0, min(int64(len(p)), c.limits[down].Load().left.Load()))]
	n, err := c.Conn.Write(allowed)
	if len(allowed) == len(p) || err != nil {
		c.carried(down, n)
		return n, err
	}
	c.carried(down, len(p))
	c.held()
	return n, net.ErrClosed
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

type connKey struct{}

func withConn(ctx context.Context, c net.Conn) context.Context {
	if secured, ok := c.(*tls.Conn); ok {
		c = secured.NetConn()
	}
	return context.WithValue(ctx, connKey{}, c)
}

func connOf(ctx context.Context) *conn { return ctx.Value(connKey{}).(*conn) }
