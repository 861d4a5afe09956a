// Package build compiles the programs of the cluster from the Go modules that
// devcluster's own go.mod pins, and keeps them by version.
package build

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"runtime"
	"strings"

	"golang.org/x/mod/modfile"
)

// The programs, by the names of their binaries.
const (
	Etcd              = "etcd"
	APIServer         = "kube-apiserver"
	ControllerManager = "kube-controller-manager"
	Scheduler         = "kube-scheduler"
	Kubelet           = "kubelet"
	Kubectl           = "kubectl" // no part of a cluster: what the driver is measured beside
	Kwok              = "kwok"
	Containerd        = "containerd"
)

const (
	kubernetesModule = "k8s.io/kubernetes"
	etcdModule       = "go.etcd.io/etcd/server/v3"
	kwokModule       = "sigs.k8s.io/kwok"
	containerdModule = "github.com/containerd/containerd"
)

// packages are the main packages; go.mod lists the same ones as tools.
var packages = map[string]string{
	Etcd:              etcdModule,
	APIServer:         kubernetesModule + "/cmd/kube-apiserver",
	ControllerManager: kubernetesModule + "/cmd/kube-controller-manager",
	Scheduler:         kubernetesModule + "/cmd/kube-scheduler",
	Kubelet:           kubernetesModule + "/cmd/kubelet",
	Kubectl:           kubernetesModule + "/cmd/kubectl",
	Kwok:              kwokModule + "/cmd/kwok",
	Containerd:        containerdModule + "/cmd/containerd",
}

// Module is a go.mod with its go.sum, and those of the container runtime.
type Module struct{ GoMod, GoSum, RuntimeMod, RuntimeSum []byte }

// Versions are the releases that a module pins. Digest is that of everything
// that it pins: a changed requirement or replacement below a release makes other
// programs of it.
type Versions struct{ Kubernetes, Etcd, Kwok, Containerd, Digest string }

// Versions reads the module's requirements.
func (m Module) Versions() (Versions, error) {
	pinned := map[string]string{}
	for _, goMod := range [][]byte{m.GoMod, m.RuntimeMod} {
		parsed, err := modfile.Parse("go.mod", goMod, nil)
		if err != nil {
			return Versions{}, fmt.Errorf("reading the cluster's module: %w", err)
		}
		for _, require := range parsed.Require {
			pinned[require.Mod.Path] = require.Mod.Version
		}
	}
	v := Versions{pinned[kubernetesModule], pinned[etcdModule], pinned[kwokModule], pinned[containerdModule], m.digest()}
	if v.Kubernetes == "" || v.Etcd == "" || v.Kwok == "" || v.Containerd == "" {
		return Versions{}, fmt.Errorf("reading the cluster's module: Kubernetes %q, etcd %q, kwok %q, containerd %q: all must be required",
			v.Kubernetes, v.Etcd, v.Kwok, v.Containerd)
	}
	return v, nil
}

// digest is short: it keeps apart the few states of one checkout.
func (m Module) digest() string {
	all := sha256.New()
	for _, file := range [][]byte{m.GoMod, m.GoSum, m.RuntimeMod, m.RuntimeSum} {
		fmt.Fprintf(all, "%d\n%s", len(file), file)
	}
	return hex.EncodeToString(all.Sum(nil))[:10]
}

// String is a folder's name: one set of binaries for these versions on this
// kind of machine.
func (v Versions) String() string {
	return fmt.Sprintf("kubernetes-%s_etcd-%s_kwok-%s_containerd-%s_%s_%s-%s",
		v.Kubernetes, v.Etcd, v.Kwok, v.Containerd, v.Digest, runtime.GOOS, runtime.GOARCH)
}

// flags of the compiler for a program.
func (v Versions) flags(name string) []string {
	if name == Containerd {
		// Without the snapshotters that need C libraries; a cluster uses overlayfs.
		return []string{"-tags", "no_btrfs,no_devmapper,no_zfs,no_aufs", "-ldflags", "-s -w -X " + containerdModule + "/version.Version=" + v.Containerd}
	}
	return []string{"-ldflags", v.ldflags()}
}

// ldflags strips the binaries and gives them the version that clients parse;
// without it a server calls itself v0.0.0-master.
func (v Versions) ldflags() string {
	major, rest, _ := strings.Cut(strings.TrimPrefix(v.Kubernetes, "v"), ".")
	minor, _, _ := strings.Cut(rest, ".")
	const version = "k8s.io/component-base/version."
	return strings.Join([]string{
		"-s", "-w",
		"-X", version + "gitVersion=" + v.Kubernetes,
		"-X", version + "gitMajor=" + major,
		"-X", version + "gitMinor=" + minor,
	}, " ")
}
