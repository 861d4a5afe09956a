package cluster

import (
	_ "embed"
	"fmt"
	"maps"
	"net"

	"sigs.k8s.io/yaml"

	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/build"
)

//go:embed kubelet.yaml
var kubeletDefaults []byte

// kubeletHealthPort is on the node's own address, so all clusters can use it.
const kubeletHealthPort = "10248"

func (c *Cluster) kubelet() component {
	return component{
		name:    "kubelet",
		program: c.program(build.Kubelet),
		args: []string{
			"--config=" + c.Path("kubelet.yaml"),
			"--kubeconfig=" + c.PKI("kubelet.kubeconfig"),
			"--hostname-override=" + c.NodeName(),
			"--node-ip=" + c.plan().Node().String(),
			"--root-dir=" + c.KubeletDir(),
			"--cert-dir=" + c.KubeletDir("pki"),
		},
		healthy: plainHTTP("http://" + net.JoinHostPort(c.plan().Node().String(), kubeletHealthPort) + "/healthz"),
	}
}

// configureKubelet writes the defaults, what belongs to this cluster, and over
// both of them the user's own settings.
func (c *Cluster) configureKubelet() error {
	node := c.plan().Node().String()
	ours := map[string]any{
		"address":                  node,
		"healthzBindAddress":       node,
		"authentication":           map[string]any{"x509": map[string]any{"clientCAFile": c.PKI("ca.crt")}},
		"tlsCertFile":              c.PKI("kubelet.crt"),
		"tlsPrivateKeyFile":        c.PKI("kubelet.key"),
		"containerRuntimeEndpoint": "unix://" + c.ContainerdSocket(),
		"cgroupRoot":               "/" + c.Cgroup(),
		"podLogsDir":               c.Path("pod-logs"),
		"clusterDNS":               []any{node},
		"featureGates":             c.state.Options.FeatureGates,
	}
	var base, user map[string]any
	if err := yaml.Unmarshal(kubeletDefaults, &base); err != nil {
		return fmt.Errorf("reading the kubelet's default configuration: %w", err)
	}
	if err := yaml.Unmarshal([]byte(c.state.Options.KubeletConfig), &user); err != nil {
		return fmt.Errorf("reading the kubelet configuration that was given: %w", err)
	}
	content, err := yaml.Marshal(merge(merge(base, ours), user))
	if err != nil {
		return fmt.Errorf("encoding the kubelet's configuration: %w", err)
	}
	return writeFile(c.Path("kubelet.yaml"), content)
}

// merge returns base with over's values in it, maps merged key by key and
// everything else replaced. Neither argument is changed.
func merge(base, over map[string]any) map[string]any {
	merged := make(map[string]any, len(base)+len(over))
	maps.Copy(merged, base)
	for key, value := range over {
		inner, isMap := value.(map[string]any)
		under, wasMap := merged[key].(map[string]any)
		if isMap && wasMap {
			value = merge(under, inner)
		}
		merged[key] = value
	}
	return merged
}
