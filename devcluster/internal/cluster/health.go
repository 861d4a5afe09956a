package cluster

import (
	"context"
	"fmt"
	"net"
	"net/http"

	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/address"
)

// https checks a health endpoint on 127.0.0.1 that shows a certificate of the
// cluster's authority.
func (c *Cluster) https(server address.Server, path string) func(context.Context) error {
	return func(ctx context.Context) error {
		client, err := c.client("https://" + c.plan().Local(server))
		if err != nil {
			return err
		}
		return client.Healthy(ctx, path)
	}
}

// plainHTTP checks an endpoint without a certificate.
func plainHTTP(url string) func(context.Context) error {
	return func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("GET %s: %s", url, resp.Status)
		}
		return nil
	}
}

// socket checks that somebody listens on a Unix socket.
func socket(path string) func(context.Context) error {
	return func(ctx context.Context) error {
		conn, err := (&net.Dialer{}).DialContext(ctx, "unix", path)
		if err != nil {
			return err
		}
		return conn.Close()
	}
}
