package cluster

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/address"
)

// answerLimit is how long one question about somebody's health may take.
const answerLimit = 10 * time.Second

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
		ctx, cancel := context.WithTimeout(ctx, answerLimit)
		defer cancel()
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

// runtimeAnswers checks that a container runtime answers on a Unix socket. That
// somebody listens there is not enough: containerd refuses every call until it
// has found the containers that it left, and a kubelet that asks it earlier ends.
func runtimeAnswers(socket string) func(context.Context) error {
	return func(ctx context.Context) error {
		conn, err := grpc.NewClient("unix://"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close() }()
		ctx, cancel := context.WithTimeout(ctx, answerLimit)
		defer cancel()
		_, err = cri.NewRuntimeServiceClient(conn).Version(ctx, &cri.VersionRequest{})
		return err
	}
}
