package cluster

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/hostpath"
)

// The hidden subcommands by which devcluster's own program is a component.
const (
	ServeRegistry = "serve-registry"
	OpenVolumes   = "open-volumes"
)

// self is the copy of this program that components run from.
func (c *Cluster) self() string { return c.Path("devcluster") }

func (c *Cluster) volumes() component {
	return component{
		name:    "volumes",
		program: c.self(),
		args:    []string{OpenVolumes, hostpath.Folder},
		healthy: func(context.Context) error { return nil }, // it does its work or ends
	}
}

// copySelf copies this program to where "go run" does not remove it.
func (c *Cluster) copySelf() error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding devcluster's own program: %w", err)
	}
	from, err := os.Open(self)
	if err != nil {
		return err
	}
	defer func() { _ = from.Close() }()
	unfinished := c.self() + ".unfinished"
	to, err := os.OpenFile(unfinished, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(to, from); err != nil {
		_ = to.Close()
		return err
	}
	if err := to.Close(); err != nil {
		return err
	}
	return os.Rename(unfinished, c.self())
}
