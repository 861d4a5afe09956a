package faultproxy

import (
	"encoding/json"
	"errors"
	"io"
	"log"
	"maps"
	"net/http"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Exchange is one request and its answer, in the hands of a Fault.
type Exchange struct {
	proxy *Proxy
	w     http.ResponseWriter
	r     *http.Request
	conn  *conn
}

// Pass sends the request to the API server and its answer to the client. Without an answer the connection is reset. A forward proxy connects
// the two.
func (x *Exchange) Pass() {
	if x.proxy.upstream == nil {
		x.tunnel()
		return
	}
	x.forward(nil)
}

// Reset breaks the client's connection, and with it whatever else goes over it.
func (x *Exchange) Reset() { x.conn.reset() }

var (
	errDropped = errors.New("the answer is thrown away")
	errCut     = errors.New("the answer is cut")
)

// Forward sends the request to the API server, waits until it has been answered, and throws the answer away. Of a stream only the
// beginning is waited for.
func (x *Exchange) Forward() {
	drop := func(res *http.Response) error {
		if !isStream(x.r) {
			_, _ = io.Copy(io.Discard, res.Body)
		}
		_ = res.Body.Close()
		return errDropped
	}
	x.proxy.reverse(drop, func() {}).ServeHTTP(x.w, x.r)
}

// forward passes the request, and the answer as change has left it.
func (x *Exchange) forward(change func(*http.Response) error) {
	x.proxy.reverse(change, x.Reset).ServeHTTP(x.w, x.r)
}

// body passes the request, and of the answer what through makes of its body. An answer without a body passes as it is.
func (x *Exchange) body(through func(io.ReadCloser) io.ReadCloser) {
	x.forward(func(res *http.Response) error {
		if res.StatusCode != http.StatusSwitchingProtocols {
			res.Body = through(res.Body)
			res.ContentLength = -1
			res.Header.Del("Content-Length")
		}
		return nil
	})
}

// refuse answers in the API server's place.
func (x *Exchange) refuse(code int32, reason metav1.StatusReason) {
	x.w.Header().Set("Content-Type", "application/json")
	x.w.WriteHeader(int(code))
	_ = json.NewEncoder(x.w).Encode(failure(code, reason))
}

func failure(code int32, reason metav1.StatusReason) *metav1.Status {
	return &metav1.Status{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: metav1.StatusFailure,
		Code: code, Reason: reason, Message: "made by the fault proxy",
	}
}

// counts counts by name.
type counts struct {
	mu sync.Mutex
	of map[string]int
}

func (c *counts) add(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of == nil {
		c.of = map[string]int{}
	}
	c.of[name]++
}

func (c *counts) all() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.of)
}

// discard is for the complaints of servers about connections that were broken on purpose.
var discard = log.New(io.Discard, "", 0)
