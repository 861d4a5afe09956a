// Package faultproxy stands between a client and a Kubernetes API server and spoils requests on purpose: answers that get
// lost, connections that break or fall silent, servers that are overloaded or restart.
//
// The client speaks HTTP/2 over TLS to the proxy, as it does to a real API server, and HTTP/1.1 where it upgrades to WebSocket or SPDY.
// It needs no credentials: the proxy adds its own.
package faultproxy

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// Proxy is a running proxy. It is safe for concurrent use.
type Proxy struct {
	server   *httptest.Server
	listener *listener
	upstream *upstream // nil: a forward proxy
	target   *url.URL
	plan     Plan
	counts   counts
	closed   chan struct{}
}

// Plan decides what happens to a request. It is asked once for each, in the order of their arrival, and at the same time for
// those that arrive at the same time. The zero Fault lets the request pass.
type Plan func(*http.Request) Fault

// Start runs a proxy for the API server of config until the test ends. Connections that are open then are broken.
func Start(t testing.TB, config *rest.Config, plan Plan) *Proxy {
	t.Helper()
	upstream, err := newUpstream(config)
	require.NoError(t, err)
	target, _, err := rest.DefaultServerUrlFor(config)
	require.NoError(t, err)
	p := newProxy(plan)
	p.upstream, p.target = upstream, target
	p.server.EnableHTTP2 = true
	p.server.StartTLS()
	t.Cleanup(func() {
		p.close()
		upstream.close()
	})
	return p
}

func newProxy(plan Plan) *Proxy {
	p := &Proxy{plan: plan, closed: make(chan struct{})}
	p.server = httptest.NewUnstartedServer(p)
	p.listener = &listener{Listener: p.server.Listener, open: map[*conn]bool{}}
	p.server.Listener = p.listener
	p.server.Config.ConnContext = withConn
	p.server.Config.ErrorLog = discard
	return p
}

func (p *Proxy) close() {
	close(p.closed)
	p.listener.all((*conn).reset)
	p.server.Close()
}

// ServeHTTP implements http.Handler.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	fault := p.plan(r)
	if fault.Do == nil {
		fault = Pass
	}
	p.counts.add(fault.Name)
	fault.Do(&Exchange{proxy: p, w: w, r: r, conn: connOf(r.Context())})
}

// Config is how a client reaches the proxy.
func (p *Proxy) Config() *rest.Config {
	return &rest.Config{Host: p.server.URL, TLSClientConfig: rest.TLSClientConfig{CAData: p.certificate()}}
}

// Kubeconfig writes a kubeconfig for clients in other processes, and returns its path.
func (p *Proxy) Kubeconfig(t testing.TB) string {
	t.Helper()
	const name = "faultproxy"
	path := filepath.Join(t.TempDir(), "kubeconfig")
	require.NoError(t, clientcmd.WriteToFile(api.Config{
		Clusters:       map[string]*api.Cluster{name: {Server: p.server.URL, CertificateAuthorityData: p.certificate()}},
		Contexts:       map[string]*api.Context{name: {Cluster: name}},
		CurrentContext: name,
	}, path))
	return path
}

// Freeze makes a black hole of every connection that is open, until the proxy is closed.
func (p *Proxy) Freeze() { p.listener.all((*conn).freeze) }

// Reset breaks every connection that is open.
func (p *Proxy) Reset() { p.listener.all((*conn).reset) }

// Faults says how often each fault was done, by its name.
func (p *Proxy) Faults() map[string]int { return p.counts.all() }

func (p *Proxy) certificate() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.server.Certificate().Raw})
}

// reverse is the standard library's proxy to the API server. change may change or refuse an answer; failed is called when there is none.
func (p *Proxy) reverse(change func(*http.Response) error, failed func()) *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(p.target)
			r.Out.Header.Del("Authorization")
		},
		Transport:      p.upstream,
		FlushInterval:  -1, // watches and logs
		ModifyResponse: change,
		ErrorHandler:   func(http.ResponseWriter, *http.Request, error) { failed() },
		ErrorLog:       discard,
	}
}
