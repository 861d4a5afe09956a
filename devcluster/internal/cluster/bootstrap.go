package cluster

import (
	"context"
	_ "embed"
	"fmt"
)

//go:embed storageclass.yaml
var storageClass []byte

//go:embed admins.yaml
var admins []byte

// bootstrap creates what every cluster has from the start.
func (c *Cluster) bootstrap(ctx context.Context) error {
	api, err := c.client(c.server())
	if err != nil {
		return err
	}
	for _, object := range []struct {
		name, collection string
		manifest         []byte
	}{
		{"StorageClass/standard", "/apis/storage.k8s.io/v1/storageclasses", storageClass},
		{"ClusterRoleBinding/devcluster-admins", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", admins},
	} {
		if err := api.Create(ctx, object.collection, object.manifest); err != nil {
			return fmt.Errorf("creating %s: %w", object.name, err)
		}
	}
	// Without its default service account a namespace admits no pod.
	return c.poll(ctx, "kube-controller-manager", func(ctx context.Context) error {
		return api.Healthy(ctx, "/api/v1/namespaces/default/serviceaccounts/default")
	})
}
