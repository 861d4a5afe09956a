package cluster

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/registry"
)

// registryUser may pull the private image.
const registryUser = "devcluster"

// ServeRegistry is the hidden subcommand that runs the registry.
const ServeRegistry = "serve-registry"

func (c *Cluster) registry() component {
	return component{
		name:    "registry",
		program: c.Path("devcluster"),
		umask:   defaultUmask,
		args:    []string{ServeRegistry, c.Path("registry.json")},
		healthy: plainHTTP("http://" + c.registryHost() + registry.HealthPath),
	}
}

// configureRegistry writes the registry's settings, and copies this program to
// where "go run" does not remove it.
func (c *Cluster) configureRegistry() error {
	config, err := json.MarshalIndent(registry.Config{
		Address: c.registryHost(), Busybox: c.state.Busybox, Username: registryUser, Password: c.state.Password,
	}, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding the registry's configuration: %w", err)
	}
	if err := writeFile(c.Path("registry.json"), config); err != nil {
		return err
	}
	return c.copySelf()
}

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
	unfinished := c.Path("devcluster.unfinished")
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
	return os.Rename(unfinished, c.Path("devcluster"))
}
