package driver

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/transport"
)

// roleGrace is how long the API server may deny what it has allowed before.
const roleGrace = 30 * time.Second

// grants recognises an API server that has just started. Until it has read its roles and bindings it denies everything, with the very words
// of a missing permission (kubernetes plugin/pkg/auth/authorizer/rbac), for seconds on a busy machine. While it denies what it allowed before, its
// denials become 503 in place of 403, so that everything above tries again. What never was allowed is otherwise denied at once.
type grants struct {
	now func() time.Time

	mu      sync.Mutex
	allowed map[string]bool      // by permission
	denied  map[string]time.Time // since when
}

func newGrants(now func() time.Time) transport.WrapperFunc {
	g := &grants{now: now, allowed: map[string]bool{}, denied: map[string]time.Time{}}
	return func(next http.RoundTripper) http.RoundTripper { return &grantChecker{next: next, grants: g} }
}

// grantChecker is the round tripper of one client.
type grantChecker struct {
	next   http.RoundTripper
	grants *grants
}

func (c *grantChecker) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := c.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	permission := permissionOf(req)
	if res.StatusCode != http.StatusForbidden {
		c.grants.allow(permission)
		return res, nil
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if closed := res.Body.Close(); err != nil || closed != nil {
		return nil, fmt.Errorf("reading why %s is denied: %w", permission, io.ErrUnexpectedEOF)
	}
	if isMissingPermission(body) && c.grants.doubt(permission) {
		return unavailable(res, permission), nil
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	return res, nil
}

// WrappedRoundTripper lets client-go find the transport below, to close its connections.
func (c *grantChecker) WrappedRoundTripper() http.RoundTripper { return c.next }

func (g *grants) allow(permission string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.allowed[permission] = true
	delete(g.denied, permission)
}

// doubt says whether a denial should not be believed yet: while the server denies anything that it allowed before.
func (g *grants) doubt(permission string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, known := g.denied[permission]; !known && g.allowed[permission] {
		g.denied[permission] = g.now()
	}
	for _, since := range g.denied {
		if g.now().Sub(since) < roleGrace {
			return true
		}
	}
	return false
}

// isMissingPermission tells RBAC's words from those of a quota or a policy, in JSON as well as in protobuf.
func isMissingPermission(status []byte) bool {
	return bytes.Contains(status, []byte(": User ")) && bytes.Contains(status, []byte(" in API group "))
}

var apiPrefix = regexp.MustCompile(`^/(api/[^/]+|apis/[^/]+/[^/]+)/(namespaces/[^/]+/)?`)

// permissionOf is the request without names: "GET pods/log". A get, a list and a watch are three permissions.
func permissionOf(req *http.Request) string {
	parts := strings.Split(apiPrefix.ReplaceAllString(req.URL.Path, ""), "/") // resource, name, subresource
	verb := req.Method
	switch {
	case req.URL.Query().Get("watch") != "":
		verb = "WATCH"
	case req.Method == http.MethodGet && len(parts) == 1:
		verb = "LIST"
	}
	if len(parts) > 2 {
		return verb + " " + parts[0] + "/" + parts[2]
	}
	return verb + " " + parts[0]
}

func unavailable(res *http.Response, permission string) *http.Response {
	body, _ := json.Marshal(metav1.Status{ // strings always can
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: metav1.StatusFailure,
		Code: http.StatusServiceUnavailable, Reason: metav1.StatusReasonServiceUnavailable,
		Message: permission + " is denied, like what was allowed before: the API server may be starting",
	})
	changed := *res
	changed.StatusCode, changed.Status = http.StatusServiceUnavailable, "503 "+http.StatusText(http.StatusServiceUnavailable)
	changed.Header = http.Header{"Content-Type": {"application/json"}}
	changed.Body, changed.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return &changed
}
