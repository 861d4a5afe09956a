package cluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/hostnet"
	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/hostpath"
	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/mounts"
)

// keeping says what clean leaves.
type keeping int

const (
	nothing keeping = iota
	logs            // the components' logs, for whoever asks why a start failed
)

// Down ends the cluster and removes all that it left on the machine. It needs
// no healthy cluster and no state; doing it twice is no error.
func (c *Cluster) Down(ctx context.Context) error {
	held, err := c.lock(ctx)
	if err != nil {
		return err
	}
	defer held.Unlock()
	title := fmt.Sprintf("taking down cluster %q", c.Name)
	return c.report.Step(ctx, title, func(ctx context.Context) error { return c.clean(ctx, nothing) })
}

// clean ends every process and undoes every change of this cluster, in an order
// in which each step makes the next one possible.
func (c *Cluster) clean(ctx context.Context, keep keeping) error {
	if err := c.endProcesses(ctx); err != nil {
		return err
	}
	if os.Geteuid() == 0 && runtime.GOOS == "linux" {
		if err := c.cleanNode(ctx); err != nil {
			return err
		}
	}
	if err := hostpath.Remove(c.ID(), c.Path("etcd")); err != nil {
		return err
	}
	if err := c.removeFiles(keep); err != nil {
		return err
	}
	c.state = nil
	return nil
}

// cleanNode undoes what only a node does, and only root can undo.
func (c *Cluster) cleanNode(ctx context.Context) error {
	for _, dir := range []string{c.Run, c.Dir} {
		if err := mounts.Undo(dir); err != nil {
			return err
		}
	}
	if err := hostnet.Delete(ctx, c.Bridge()); err != nil {
		return err
	}
	if err := hostnet.Forget(c.ID()); err != nil {
		return err
	}
	if err := c.removeShimSockets(); err != nil {
		return err
	}
	if err := removeUnmounted(c.Run); err != nil {
		return err
	}
	_ = os.Remove(filepath.Dir(c.Run)) // only succeeds if no other cluster uses it
	if err := c.removeCgroup(ctx); err != nil {
		return err
	}
	return c.removeLogLinks()
}

// removeShimSockets removes the sockets of containerd's shims. They are outside
// of containerd's own state folder, which has their addresses.
func (c *Cluster) removeShimSockets() error {
	addresses, err := filepath.Glob(filepath.Join(c.ContainerdState(), "io.containerd.runtime.v2.task", "*", "*", "address"))
	if err != nil {
		return fmt.Errorf("listing containerd's shims: %w", err)
	}
	for _, file := range addresses {
		address, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("reading a shim's address: %w", err)
		}
		path, isFile := strings.CutPrefix(strings.TrimSpace(string(address)), "unix://")
		if !isFile {
			continue
		}
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing a shim's socket: %w", err)
		}
	}
	return nil
}

// containerLogs is where the kubelet puts a link for each container, wherever
// the logs are (pkg/kubelet/kuberuntime/legacy.go).
const containerLogs = "/var/log/containers"

func (c *Cluster) removeLogLinks() error {
	links, err := os.ReadDir(containerLogs)
	if err != nil {
		return ignoreMissing(err)
	}
	for _, link := range links {
		path := filepath.Join(containerLogs, link.Name())
		target, err := os.Readlink(path)
		if err != nil || !strings.HasPrefix(target, c.Dir+"/") {
			continue // not a link, or not ours
		}
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing a container's log link: %w", err)
		}
	}
	return nil
}

func (c *Cluster) removeFiles(keep keeping) error {
	if keep == nothing {
		return removeUnmounted(c.Dir)
	}
	entries, err := os.ReadDir(c.Dir)
	if err != nil {
		return ignoreMissing(err)
	}
	for _, entry := range entries {
		if entry.Name() == "logs" {
			continue
		}
		if err := removeUnmounted(c.Path(entry.Name())); err != nil {
			return err
		}
	}
	return nil
}

// removeUnmounted removes a folder, unless something is still mounted in it:
// that may be a folder of somebody else's.
func removeUnmounted(dir string) error {
	points, err := mounts.Below(dir)
	if err != nil {
		return err
	}
	if len(points) > 0 {
		return fmt.Errorf("removing %s: still mounted below it: %q", dir, points)
	}
	return os.RemoveAll(dir)
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
