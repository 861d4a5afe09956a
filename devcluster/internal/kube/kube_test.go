package kube

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"sigs.k8s.io/yaml"

	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/pki"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server demands a client certificate, as an API server does, and tells each
// request's user to the handler.
func server(t *testing.T, handler http.HandlerFunc) *Client {
	t.Helper()
	authority, err := pki.NewAuthority("test", time.Now)
	require.NoError(t, err)
	serving, err := authority.Server("server", "127.0.0.1")
	require.NoError(t, err)
	user, err := authority.Client("jane", "readers")
	require.NoError(t, err)

	cert, err := tls.X509KeyPair(serving.Cert, serving.Key)
	require.NoError(t, err)
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(authority.PEM))
	s := httptest.NewUnstartedServer(handler)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: roots}
	s.StartTLS()
	t.Cleanup(s.Close)

	client, err := NewClient(s.URL, authority.PEM, user)
	require.NoError(t, err)
	return client
}

func TestTheServerSeesUserAndGroup(t *testing.T) {
	client := server(t, func(_ http.ResponseWriter, r *http.Request) {
		subject := r.TLS.PeerCertificates[0].Subject
		assert.Equal(t, "jane", subject.CommonName)
		assert.Equal(t, []string{"readers"}, subject.Organization)
	})
	assert.NoError(t, client.Healthy(t.Context(), "/readyz"))
}

func TestGetDecodes(t *testing.T) {
	client := server(t, func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, "/api/v1/nodes/a", r.URL.Path)
		_, _ = io.WriteString(w, `{"kind":"Node"}`)
	})
	var node struct{ Kind string }
	require.NoError(t, client.Get(t.Context(), "/api/v1/nodes/a", &node))
	assert.Equal(t, "Node", node.Kind)
}

func TestCreateLeavesWhatExists(t *testing.T) {
	client := server(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		assert.Equal(t, "kind: Node\n", string(body))
		w.WriteHeader(http.StatusConflict)
	})
	assert.NoError(t, client.Create(t.Context(), "/api/v1/nodes", []byte("kind: Node\n")))
}

func TestARefusalSaysWhatWasAsked(t *testing.T) {
	client := server(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, "no")
	})
	err := client.Create(t.Context(), "/api/v1/nodes", nil)
	var status *StatusError
	require.ErrorAs(t, err, &status)
	assert.Equal(t, http.StatusForbidden, status.Code)
	assert.EqualError(t, err, "POST /api/v1/nodes: HTTP 403: no")
}

func TestACancelledRequestEnds(t *testing.T) {
	client := server(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	assert.ErrorIs(t, client.Healthy(ctx, "/readyz"), context.DeadlineExceeded)
}

func TestKubeconfig(t *testing.T) {
	content, err := Config{
		Name: "devcluster-dev", Server: "https://127.0.0.1:24300", CA: []byte("CA"),
		User: pki.Pair{Cert: []byte("CERT"), Key: []byte("KEY")},
	}.YAML()
	require.NoError(t, err)
	var parsed map[string]any
	require.NoError(t, yaml.Unmarshal(content, &parsed))
	assert.Equal(t, map[string]any{
		"apiVersion":      "v1",
		"kind":            "Config",
		"current-context": "devcluster-dev",
		"clusters": []any{map[string]any{"name": "devcluster-dev", "cluster": map[string]any{
			"server": "https://127.0.0.1:24300", "certificate-authority-data": "Q0E=",
		}}},
		"contexts": []any{map[string]any{"name": "devcluster-dev", "context": map[string]any{
			"cluster": "devcluster-dev", "user": "devcluster-dev",
		}}},
		"users": []any{map[string]any{"name": "devcluster-dev", "user": map[string]any{
			"client-certificate-data": "Q0VSVA==", "client-key-data": "S0VZ",
		}}},
	}, parsed)
}
