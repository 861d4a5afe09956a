package cluster

import (
	"bytes"
	_ "embed"
	"fmt"
	"text/template"

	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/address"
	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/build"
	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/debian"
	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/hostnet"
	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/registry"
)

//go:embed containerd.toml.tmpl
var containerdTOML string

var containerdTemplate = template.Must(template.New("containerd.toml").Option("missingkey=error").Parse(containerdTOML))

// containerd is built from its module, and only its shim and runc are the distribution's. Debian 12 has 1.6.20, which closes the pipe of
// a container's output when the container ends, before it has read it all (its client's Task.Delete: Close before
// Wait; containerd issue 7289): of 15 tasks that printed 100 KB and ended, 8 had logs that were cut. 1.6.38 waits first.
func (c *Cluster) containerd() component {
	return component{
		name:    "containerd",
		program: c.program(build.Containerd),
		args:    []string{"--config=" + c.Path("containerd.toml")},
		healthy: runtimeAnswers(c.ContainerdSocket()),
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
