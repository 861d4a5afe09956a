package cluster

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/registry"
)

// Info is what info.json tells other programs, such as tests, about a running
// cluster. Fields are added, never renamed.
type Info struct {
	Name             string          `json:"name"`
	Kubeconfig       string          `json:"kubeconfig"` // path
	Context          string          `json:"context"`
	Server           string          `json:"server"` // URL
	Versions         string          `json:"versions"`
	NodeName         string          `json:"nodeName"`         // "" without a real node
	SimulatedNodes   []string        `json:"simulatedNodes"`   // names
	PrivateImage     string          `json:"privateImage"`     // "" without a real node
	PrivateRegistry  string          `json:"privateRegistry"`  // the key under "auths" in a dockerconfigjson
	PrivateUsername  string          `json:"privateUsername"`  //
	PrivatePassword  string          `json:"privatePassword"`  //
	FeatureGates     map[string]bool `json:"featureGates"`     // those that were asked for
	ContainerdSocket string          `json:"containerdSocket"` // path; "" without a real node
	Pids             map[string]int  `json:"pids"`             // by component
}

// info describes the cluster as its state has it.
func (c *Cluster) info() Info {
	info := Info{
		Name:           c.Name,
		Kubeconfig:     c.Kubeconfig(),
		Context:        c.Context(),
		Server:         c.server(),
		Versions:       c.state.Versions,
		SimulatedNodes: simulatedNames(c.state.Options.SimulatedNodes),
		FeatureGates:   c.state.Options.FeatureGates,
		Pids:           map[string]int{},
	}
	if c.state.Options.Node {
		info.NodeName = c.NodeName()
		info.PrivateImage = c.registryHost() + "/" + registry.PrivateImage
		info.PrivateRegistry = c.registryHost()
		info.PrivateUsername, info.PrivatePassword = registryUser, c.state.Password
		info.ContainerdSocket = c.ContainerdSocket()
	}
	for name, id := range c.state.Processes {
		info.Pids[name] = id.PID
	}
	return info
}

// publish writes info.json and the administrator's kubeconfig.
func (c *Cluster) publish() error {
	content, err := json.MarshalIndent(c.info(), "", "  ")
	if err != nil {
		return fmt.Errorf("encoding the cluster's description: %w", err)
	}
	if err := writeFile(c.InfoFile(), append(content, '\n')); err != nil {
		return err
	}
	kubeconfig, err := os.ReadFile(c.PKI("admin.kubeconfig"))
	if err != nil {
		return err
	}
	return writeFile(c.Kubeconfig(), kubeconfig)
}
