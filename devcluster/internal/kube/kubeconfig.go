package kube

import (
	"fmt"

	"sigs.k8s.io/yaml"

	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/pki"
)

// Config is what a kubeconfig file says about one user of one cluster.
type Config struct {
	Name   string // of the context, the cluster and the user
	Server string
	CA     []byte
	User   pki.Pair
}

// YAML returns the kubeconfig, with keys and certificates inside, so that the
// file can be copied elsewhere.
func (c Config) YAML() ([]byte, error) {
	named := func(kind string, value map[string]any) []any {
		return []any{map[string]any{"name": c.Name, kind: value}}
	}
	out, err := yaml.Marshal(map[string]any{
		"apiVersion":      "v1",
		"kind":            "Config",
		"current-context": c.Name,
		"clusters": named("cluster", map[string]any{
			"server":                     c.Server,
			"certificate-authority-data": c.CA,
		}),
		"contexts": named("context", map[string]any{
			"cluster": c.Name,
			"user":    c.Name,
		}),
		"users": named("user", map[string]any{
			"client-certificate-data": c.User.Cert,
			"client-key-data":         c.User.Key,
		}),
	})
	if err != nil {
		return nil, fmt.Errorf("encoding kubeconfig %q: %w", c.Name, err)
	}
	return out, nil
}
