package cluster

import (
	"bytes"
	_ "embed"
	"fmt"
	"os/exec"
	"text/template"

	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/address"
	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/debian"
	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/hostnet"
	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/registry"
)

//go:embed containerd.toml.tmpl
var containerdTOML string

var containerdTemplate = template.Must(template.New("containerd.toml").Option("missingkey=error").Parse(containerdTOML))

func (c *Cluster) containerd() component {
	program, err := exec.LookPath("containerd")
	if err != nil {
		program = "containerd" // the error of its start will say that it is gone
	}
	return component{
		name:    "containerd",
		program: program,
		args:    []string{"--config=" + c.Path("containerd.toml")},
		healthy: socket(c.ContainerdSocket()),
	}
}

// configureContainerd writes everything that containerd reads.
func (c *Cluster) configureContainerd() error {
	plugins, err := debian.CNIFolder()
	if err != nil {
		return err
	}
	var config bytes.Buffer
	if err := containerdTemplate.Execute(&config, map[string]string{
		"Root":    c.Path("containerd"),
		"State":   c.ContainerdState(),
		"Socket":  c.ContainerdSocket(),
		"Runc":    c.ContainerdState() + "/runc",
		"Pause":   c.registryHost() + "/" + registry.PauseImage,
		"CNI":     plugins,
		"CNIConf": c.Path("cni"),
		"Hosts":   c.Path("registries"),
	}); err != nil {
		return fmt.Errorf("writing containerd's configuration: %w", err)
	}
	network, err := hostnet.Network{
		Name:    c.ID(),
		Bridge:  c.Bridge(),
		Pods:    c.plan().Pods(),
		Gateway: c.plan().Node(),
		Leases:  c.Path("leases"),
	}.CNI()
	if err != nil {
		return fmt.Errorf("encoding the CNI configuration: %w", err)
	}
	for name, content := range map[string][]byte{
		c.Path("containerd.toml"):                            config.Bytes(),
		c.Path("cni", "10-devcluster.conflist"):              network,
		c.Path("registries", "docker.io", "hosts.toml"):      c.onlyOurRegistry(),
		c.Path("registries", c.registryHost(), "hosts.toml"): c.onlyOurRegistry(),
	} {
		if err := writeFile(name, content); err != nil {
			return err
		}
	}
	return nil
}

func (c *Cluster) registryHost() string { return c.plan().Local(address.Registry) }

// onlyOurRegistry is a hosts.toml that sends every request to the cluster's
// registry. It is the server itself and no mirror before another one, so that
// an unknown name ends at once instead of asking the Internet. It has to be
// named twice: containerd 1.6 reads no hosts.toml without a host.
func (c *Cluster) onlyOurRegistry() []byte {
	url := "http://" + c.registryHost()
	return fmt.Appendf(nil, "server = %q\n\n[host.%q]\n  capabilities = [\"pull\", \"resolve\"]\n", url, url)
}
