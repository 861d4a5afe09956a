package testcluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// Info is what the development cluster says about itself, in the file info.json beside its kubeconfig.
type Info struct {
	Kubeconfig       string          `json:"kubeconfig"`       // path
	NodeName         string          `json:"nodeName"`         // "" if the cluster has no real node
	SimulatedNodes   []string        `json:"simulatedNodes"`   // names
	PrivateImage     string          `json:"privateImage"`     // an image that needs credentials
	PrivateRegistry  string          `json:"privateRegistry"`  // its registry, as in a dockerconfigjson
	PrivateUsername  string          `json:"privateUsername"`  //
	PrivatePassword  string          `json:"privatePassword"`  //
	FeatureGates     map[string]bool `json:"featureGates"`     // those that were set
	ContainerdSocket string          `json:"containerdSocket"` // path
}

// ReadInfo is Kubeconfig for tests that need to know more than a kubeconfig says. They need the development cluster: they are
// left out where Variable names another one, and `make test` says so in its last lines.
func ReadInfo(t testing.TB) Info {
	t.Helper()
	info, err := infoBeside(Kubeconfig(t))
	if errors.Is(err, fs.ErrNotExist) && os.Getenv(Variable) != "" {
		t.Skipf("needs the development cluster, and $%s names another one", Variable)
	}
	if err != nil {
		t.Fatalf("%v\nThis test needs the development cluster: run make cluster-up.", err)
	}
	return info
}

func infoBeside(kubeconfig string) (Info, error) {
	path := filepath.Join(filepath.Dir(kubeconfig), "info.json")
	content, err := os.ReadFile(path)
	if err != nil {
		return Info{}, fmt.Errorf("reading what the cluster of %q says about itself: %w", kubeconfig, err)
	}
	var info Info
	if err := json.Unmarshal(content, &info); err != nil {
		return Info{}, fmt.Errorf("decoding %q: %w", path, err)
	}
	if info.Kubeconfig == "" {
		return Info{}, fmt.Errorf("decoding %q: it has no kubeconfig", path)
	}
	return info, nil
}
