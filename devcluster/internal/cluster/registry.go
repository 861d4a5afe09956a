package cluster

import (
	"encoding/json"
	"fmt"

	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/registry"
)

// registryUser may pull the private image.
const registryUser = "devcluster"

func (c *Cluster) registry() component {
	return component{
		name:    "registry",
		program: c.self(),
		args:    []string{ServeRegistry, c.Path("registry.json")},
		healthy: plainHTTP("http://" + c.registryHost() + registry.HealthPath),
	}
}

// configureRegistry writes the registry's settings.
func (c *Cluster) configureRegistry() error {
	config, err := json.MarshalIndent(registry.Config{
		Address: c.registryHost(), Busybox: c.state.Busybox, Username: registryUser, Password: c.state.Password,
	}, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding the registry's configuration: %w", err)
	}
	return writeFile(c.Path("registry.json"), config)
}
