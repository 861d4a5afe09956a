// Package layout says where a cluster's files are and what its traces on the
// machine are called. Everything follows from the cluster's name and the
// user's cache folder, so that down can find what a killed run left behind
// without having to trust any file that the run wrote.
package layout

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
)

// Default is the name of the cluster that commands mean when none is given.
const Default = "dev"

// maxSocketPath is what fits into sockaddr_un.sun_path on Linux with its NUL.
const maxSocketPath = 107

var validName = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,18}[a-z0-9])?$`)

// Layout names the files of one cluster. It is a value and touches nothing.
type Layout struct {
	Name  string // the cluster's name, as given by --name
	Cache string // the folder shared by all clusters of this user
	Dir   string // durable files of this cluster
	Run   string // sockets and other state that must not outlive a boot
	hash  string // tells apart clusters of one name in different cache folders
}

// For returns the layout of the cluster called name, for the current user.
// It fails if name is not a short DNS label or no cache folder is defined.
func For(name string) (Layout, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return Layout{}, fmt.Errorf("finding the user's cache folder: %w", err)
	}
	return in(cache, name)
}

func in(cache, name string) (Layout, error) {
	if !validName.MatchString(name) {
		return Layout{}, fmt.Errorf("cluster name %q: must be 1 to 20 lowercase letters, digits and hyphens, "+
			"starting with a letter and not ending with a hyphen", name)
	}
	cache = filepath.Join(cache, "orchestra-devcluster")
	l := Layout{Name: name, Cache: cache, Dir: filepath.Join(cache, "clusters", name)}
	sum := sha256.Sum256([]byte(l.Dir))
	l.hash = hex.EncodeToString(sum[:4])
	l.Run = filepath.Join("/run/orchestra-devcluster", l.ID())
	if longest := l.KubeletDir("pod-resources", "kubelet.sock"); len(longest) > maxSocketPath {
		return Layout{}, fmt.Errorf("cluster folder %q is too long for the kubelet's sockets (%d bytes, at most %d): "+
			"set XDG_CACHE_HOME to a shorter path", l.Dir, len(longest), maxSocketPath)
	}
	return l, nil
}

// ID identifies the cluster among all of this machine, whoever started them.
func (l Layout) ID() string { return l.Name + "-" + l.hash }

// Cgroup is the name of the cgroup, in every hierarchy, that holds all pods.
func (l Layout) Cgroup() string { return "orchestra-devcluster-" + l.ID() }

// Bridge is the network interface of node and pods; at most 15 bytes.
func (l Layout) Bridge() string { return "odc-" + l.hash }

// NodeName is the name of the real node.
func (l Layout) NodeName() string { return "devcluster-" + l.Name }

// Context is the name of the kubeconfig's context.
func (l Layout) Context() string { return "devcluster-" + l.Name }

// Kubeconfig is the administrator's kubeconfig. It exists while the cluster is up.
func (l Layout) Kubeconfig() string { return filepath.Join(l.Dir, "kubeconfig") }

// InfoFile is the file that tells other programs about the cluster.
func (l Layout) InfoFile() string { return filepath.Join(l.Dir, "info.json") }

// State is the file in which devcluster keeps what it needs to go on.
func (l Layout) State() string { return filepath.Join(l.Dir, "state.json") }

// Lock is beside the cluster's folder, because down removes the folder.
func (l Layout) Lock() string { return l.Dir + ".lock" }

// Path is a file below the cluster's folder.
func (l Layout) Path(elem ...string) string {
	return filepath.Join(append([]string{l.Dir}, elem...)...)
}

// Log is the log file of a component.
func (l Layout) Log(component string) string { return l.Path("logs", component+".log") }

// PKI is a file among the cluster's keys and certificates.
func (l Layout) PKI(file string) string { return l.Path("pki", file) }

// KubeletDir is a file below the kubelet's root folder, which holds the pods' volumes.
func (l Layout) KubeletDir(elem ...string) string {
	return l.Path(append([]string{"kubelet"}, elem...)...)
}

// ContainerdSocket is where the cluster's own containerd listens.
func (l Layout) ContainerdSocket() string { return filepath.Join(l.Run, "containerd.sock") }

// ContainerdState is where containerd keeps bundles, network namespaces and shims.
func (l Layout) ContainerdState() string { return filepath.Join(l.Run, "containerd") }
