// Package kube asks an API server the few things that devcluster needs. It is
// no client library: building one into a tool that is run through "go run"
// would cost more than this whole package.
package kube

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/pki"
)

// Client speaks HTTPS to one server. It is safe for concurrent use.
type Client struct {
	server string
	http   *http.Client
}

// NewClient returns a client for a server such as https://127.0.0.1:6443, that
// trusts the authority ca and shows the certificate in user.
func NewClient(server string, ca []byte, user pki.Pair) (*Client, error) {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca) {
		return nil, errors.New("reading the cluster's authority: no certificate in it")
	}
	cert, err := tls.X509KeyPair(user.Cert, user.Key)
	if err != nil {
		return nil, fmt.Errorf("reading the client certificate: %w", err)
	}
	transport := &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{cert}},
		DisableKeepAlives: true, // requests are rare, and the server restarts between them
	}
	return &Client{server: server, http: &http.Client{Transport: transport, Timeout: 10 * time.Second}}, nil
}

// Healthy returns nil if path, such as /readyz, answers 200.
func (c *Client) Healthy(ctx context.Context, path string) error {
	_, err := c.do(ctx, http.MethodGet, path, nil)
	return err
}

// GetRaw returns what is at path, such as a container's log.
func (c *Client) GetRaw(ctx context.Context, path string) ([]byte, error) {
	return c.do(ctx, http.MethodGet, path, nil)
}

// Get decodes the JSON at path into a value.
func (c *Client) Get(ctx context.Context, path string, into any) error {
	body, err := c.do(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("decoding %s: %w", path, err)
	}
	return nil
}

// Create posts a manifest, YAML or JSON, to a collection. An object of that
// name that exists already is left as it is and is no error.
func (c *Client) Create(ctx context.Context, collection string, manifest []byte) error {
	_, err := c.do(ctx, http.MethodPost, collection, manifest)
	if status := (*StatusError)(nil); errors.As(err, &status) && status.Code == http.StatusConflict {
		return nil
	}
	return err
}

// StatusError is an answer that is not a success.
type StatusError struct {
	Request string // method and path
	Code    int
	Body    string
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("%s: HTTP %d: %s", e.Request, e.Code, e.Body)
}

func (c *Client) do(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.server+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/yaml")
	req.Header.Set("Accept", "application/json, */*;q=0.5")
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("reading the answer to %s %s: %w", method, path, err)
	}
	if resp.StatusCode >= http.StatusMultipleChoices {
		const enough = 500
		return nil, &StatusError{method + " " + path, resp.StatusCode, string(answer[:min(len(answer), enough)])}
	}
	return answer, nil
}
