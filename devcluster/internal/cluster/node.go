package cluster

import (
	"context"
	"errors"
	"net/url"

	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/kube"
)

// awaitNode waits until a node is Ready, as long as the component that makes it
// so runs.
func (c *Cluster) awaitNode(ctx context.Context, component, name string) error {
	api, err := c.client(c.server())
	if err != nil {
		return err
	}
	return c.poll(ctx, component, func(ctx context.Context) error { return nodeReady(ctx, api, name) })
}

var errNotReady = errors.New("the node is not Ready")

// nodeReady returns nil if the node's condition Ready is true.
func nodeReady(ctx context.Context, api *kube.Client, name string) error {
	var node struct {
		Status struct {
			Conditions []struct{ Type, Status string }
		}
	}
	if err := api.Get(ctx, "/api/v1/nodes/"+url.PathEscape(name), &node); err != nil {
		return err
	}
	for _, condition := range node.Status.Conditions {
		if condition.Type == "Ready" && condition.Status == "True" {
			return nil
		}
	}
	return errNotReady
}
