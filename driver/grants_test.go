package driver

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

const (
	deniedByRBAC  = `{"kind":"Status","apiVersion":"v1","status":"Failure","code":403,"reason":"Forbidden","message":"pods \"x\" is forbidden: User \"u\" cannot patch resource \"pods\" in API group \"\" in the namespace \"default\""}`
	deniedByQuota = `{"kind":"Status","apiVersion":"v1","status":"Failure","code":403,"reason":"Forbidden","message":"pods \"x\" is forbidden: exceeded quota: q"}`
)

// An API server that has just started denies what it allowed before.
func TestDenialOfWhatWasAllowedIsWaitedOut(t *testing.T) {
	s := newAPIServer(t)
	var denials atomic.Int64
	deny := answerWith(http.StatusForbidden, nil, deniedByRBAC)
	d, log := openDriver(t, s, "ns", withFaults(func(req *http.Request) fault {
		if req.Method == http.MethodPatch && denials.Add(-1) >= 0 {
			return deny
		}
		return nil
	}))
	denials.Store(5)
	_, err := d.RunContainer(t.Context(), task("one"))
	require.True(t, apierrors.IsForbidden(err), "what never was allowed is denied at once: %v", err)
	assert.Equal(t, int64(4), denials.Load())
	denials.Store(0)
	run(t, d, task("one"))
	denials.Store(5)
	run(t, d, task("two"))
	assert.Contains(t, log.String(), "PATCH pods is denied, like what was allowed before: the API server may be starting")
}

func TestDenialIsBelievedInTheEnd(t *testing.T) {
	now := time.Now()
	answer := deniedByRBAC
	code := http.StatusOK
	next := &faults{spoil: func(*http.Request) fault { return answerWith(code, nil, answer) }}
	client := newGrants(func() time.Time { return now })(next)
	ask := func(method string) int {
		res, err := client.RoundTrip(httptest.NewRequest(method, "/api/v1/namespaces/default/pods/x", http.NoBody))
		require.NoError(t, err)
		return res.StatusCode
	}
	assert.Equal(t, http.StatusOK, ask(http.MethodPatch))
	code = http.StatusForbidden
	assert.Equal(t, http.StatusForbidden, ask(http.MethodDelete), "it never was allowed")
	assert.Equal(t, http.StatusServiceUnavailable, ask(http.MethodPatch))
	assert.Equal(t, http.StatusServiceUnavailable, ask(http.MethodDelete), "the server does not know what it says")
	answer = deniedByQuota
	assert.Equal(t, http.StatusForbidden, ask(http.MethodPatch), "a quota is no permission")
	answer = deniedByRBAC
	now = now.Add(roleGrace - time.Second)
	assert.Equal(t, http.StatusServiceUnavailable, ask(http.MethodPatch))
	now = now.Add(time.Second)
	assert.Equal(t, http.StatusForbidden, ask(http.MethodPatch), "the permission was taken away")
	code = http.StatusOK
	assert.Equal(t, http.StatusOK, ask(http.MethodPatch))
	code = http.StatusForbidden
	assert.Equal(t, http.StatusServiceUnavailable, ask(http.MethodPatch), "the server starts once more")
}

func TestPermissionOf(t *testing.T) {
	for url, want := range map[string]string{
		"/api/v1/namespaces/x/pods/y":                          "GET pods",
		"/api/v1/namespaces/x/pods":                            "LIST pods",
		"/api/v1/namespaces/x/pods?watch=true":                 "WATCH pods",
		"/api/v1/namespaces/x/pods/y/log":                      "GET pods/log",
		"/apis/batch/v1/namespaces/x/jobs/y":                   "GET jobs",
		"/api/v1/namespaces/x":                                 "GET namespaces",
		"/apis/coordination.k8s.io/v1/namespaces/x/leases/y/z": "GET leases/z",
	} {
		assert.Equal(t, want, permissionOf(httptest.NewRequest(http.MethodGet, url, http.NoBody)), url)
	}
}
