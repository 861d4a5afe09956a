package faultproxy

import (
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"testing"
)

// StartForward runs a forward proxy until the test ends: clients ask it with CONNECT for a connection to any host, which is all that Pass
// gives them. A plan may change the request's Host, and so lead the client to a server whose name only the proxy knows.
func StartForward(t testing.TB, plan Plan) *Proxy {
	t.Helper()
	p := newProxy(plan)
	p.server.Start()
	t.Cleanup(p.close)
	return p
}

// StartForwardTLS is StartForward of one that speaks TLS, with the certificate of Config.
func StartForwardTLS(t testing.TB, plan Plan) *Proxy {
	t.Helper()
	p := newProxy(plan)
	p.server.StartTLS()
	t.Cleanup(p.close)
	return p
}

// URL is what a client of a forward proxy is told, as in $HTTPS_PROXY.
func (p *Proxy) URL() *url.URL {
	at, _ := url.Parse(p.server.URL) // made by the standard library
	return at
}

// Choose is Proxy of a rest.Config whose client goes through a forward proxy.
func (p *Proxy) Choose(r *http.Request) (*url.URL, error) { return http.ProxyURL(p.URL())(r) }

// tunnel connects the client with the host that it asks for, until one of the two closes its connection.
func (x *Exchange) tunnel() {
	server, err := net.Dial("tcp", x.r.Host)
	if err != nil {
		x.refuse(http.StatusBadGateway, "")
		return
	}
	defer server.Close()
	client, _, err := http.NewResponseController(x.w).Hijack()
	if err != nil {
		x.Reset()
		return
	}
	defer client.Close()
	if _, err := io.WriteString(client, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		return
	}
	var both sync.WaitGroup
	pipe := func(to, from net.Conn) {
		_, _ = io.Copy(to, from)
		_ = to.Close()
		_ = from.Close()
	}
	both.Go(func() { pipe(server, client) })
	both.Go(func() { pipe(client, server) })
	both.Wait()
}
