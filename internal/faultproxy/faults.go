package faultproxy

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Fault is what happens to one request. The zero value lets it pass.
type Fault struct {
	Name string // for people
	Do   func(*Exchange)
}

// Faults that need no parameter.
var (
	// Pass is no fault at all.
	Pass = Fault{"pass", (*Exchange).Pass}
	// LoseRequest resets the connection before the API server has seen the request.
	LoseRequest = Fault{"lose request", (*Exchange).Reset}
	// LoseAnswer resets the connection when the API server has done its work: the client cannot know whether it has.
	LoseAnswer = Fault{"lose answer", func(x *Exchange) {
		x.Forward()
		x.Reset()
	}}
	// Break answers 500 in the API server's place.
	Break = Fault{"500", func(x *Exchange) { x.refuse(http.StatusInternalServerError, metav1.StatusReasonInternalError) }}
	// Expire answers 410 in the API server's place: the version that the client knows is forgotten. Only lists that go on and watches
	// are answered so.
	Expire = Fault{"410", func(x *Exchange) { x.refuse(http.StatusGone, metav1.StatusReasonExpired) }}
)

// Refuse answers with a code in the API server's place, or in a forward proxy's own name.
func Refuse(code int32) Fault {
	return Fault{strconv.Itoa(int(code)), func(x *Exchange) { x.refuse(code, "") }}
}

// Delay lets a request wait before it passes.
func Delay(d time.Duration) Fault {
	return Fault{fmt.Sprintf("delay by %s", d), func(x *Exchange) {
		if x.wait(d) {
			x.Pass()
		}
	}}
}

// Overload answers 429 and asks the client to come back after that many seconds.
func Overload(seconds int) Fault {
	return Fault{"429", func(x *Exchange) {
		x.w.Header().Set("Retry-After", strconv.Itoa(seconds))
		x.refuse(http.StatusTooManyRequests, metav1.StatusReasonTooManyRequests)
	}}
}

// CutAfter breaks an answer in the midst, after that many bytes of its body. Other requests of the same connection go on.
func CutAfter(bytes int64) Fault {
	return Fault{"cut answer", func(x *Exchange) {
		x.body(func(body io.ReadCloser) io.ReadCloser { return &limited{body, bytes, errCut} })
	}}
}

// EndAfter ends an answer early as if that were its end, which an API server does to a log when it loses the node.
func EndAfter(bytes int64) Fault {
	return Fault{"end answer early", func(x *Exchange) {
		x.body(func(body io.ReadCloser) io.ReadCloser { return &limited{body, bytes, io.EOF} })
	}}
}

// CutUpload resets the connection when that many more bytes, TLS included, have come from the client.
func CutUpload(bytes int64) Fault { return spoilConn("cut upload", up, bytes, (*conn).reset) }

// CutDownload resets the connection when that many more bytes, TLS included, have gone to the client.
func CutDownload(bytes int64) Fault { return spoilConn("cut download", down, bytes, (*conn).reset) }

// SwallowUpload makes a black hole of the connection, until the proxy is closed, when that many more bytes have come from the client.
func SwallowUpload(bytes int64) Fault { return spoilConn("swallow upload", up, bytes, (*conn).freeze) }

// SwallowDownload is SwallowUpload for what goes to the client.
func SwallowDownload(bytes int64) Fault {
	return spoilConn("swallow download", down, bytes, (*conn).freeze)
}

func spoilConn(name string, direction int, bytes int64, spoil func(*conn)) Fault {
	return Fault{name, func(x *Exchange) {
		x.conn.spoilAfter(direction, bytes, spoil)
		x.Pass()
	}}
}

// ExpireStream answers a watch with a stream that tells nothing until d has passed, and then 410.
func ExpireStream(d time.Duration) Fault {
	return Fault{"410 in the stream", func(x *Exchange) {
		x.w.Header().Set("Content-Type", "application/json")
		x.w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(x.w).Flush()
		if x.wait(d) {
			_ = json.NewEncoder(x.w).Encode(map[string]any{"type": "ERROR", "object": failure(http.StatusGone, metav1.StatusReasonExpired)})
		}
	}}
}

// BlackHole swallows the request and whatever else goes over its connection, in both directions. After d the connection is reset;
// 0 is never, until the proxy is closed.
func BlackHole(d time.Duration) Fault {
	return Fault{"black hole", func(x *Exchange) {
		x.conn.freeze()
		if d > 0 {
			x.wait(d)
			x.Reset()
		}
		<-x.conn.closed
	}}
}

// wait waits for d. It returns false when the client or the proxy has gone meanwhile.
func (x *Exchange) wait(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-x.r.Context().Done():
	case <-x.proxy.closed:
	}
	return false
}

// limited is a body that ends after some bytes.
type limited struct {
	io.ReadCloser
	left int64
	end  error
}

func (l *limited) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, l.end
	}
	n, err := l.ReadCloser.Read(p[:min(int64(len(p)), l.left)])
	l.left -= int64(n)
	return n, err
}
