package cluster

import (
	"context"
	"path/filepath"
	"strings"

	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/debian"
	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/lock"
)

// install gets from the distribution what a node needs, and returns the path of
// a static busybox. Clusters that start at the same time take turns.
func (c *Cluster) install(ctx context.Context) (string, error) {
	held, err := lock.Acquire(ctx, filepath.Join(c.Cache, "install.lock"), func(pid string) {
		c.report.Say("waiting for process %s, which is installing packages", pid)
	})
	if err != nil {
		return "", err
	}
	defer held.Unlock()
	if missing := debian.Missing(); len(missing) > 0 {
		title := "installing Debian packages " + strings.Join(missing, ", ")
		err := c.report.Step(ctx, title, func(ctx context.Context) error { return debian.Install(ctx, missing) })
		if err != nil {
			return "", err
		}
	}
	return c.busybox(ctx)
}
