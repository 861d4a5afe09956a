package cluster

import (
	"context"
	"path/filepath"

	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/build"
)

// Kubectl returns the path of a kubectl of the version that clusters have, after
// building it if it is not there. It needs no cluster that is up.
func (c *Cluster) Kubectl(ctx context.Context) (string, error) {
	builder := build.Builder{Module: c.module, Cache: c.Cache, Report: c.report}
	bin, err := builder.Ensure(ctx, build.Kubectl)
	return filepath.Join(bin, build.Kubectl), err
}
