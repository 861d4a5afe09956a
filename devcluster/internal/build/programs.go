// Package build compiles the programs of the cluster from the Go modules that
// devcluster's own go.mod pins, and keeps them by version.
package build

import (
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
	Kwok              = "kwok"
)

const (
	kubernetesModule = "k8s.io/kubernetes"
	etcdModule       = "go.etcd.io/etcd/server/v3"
	kwokModule       = "sigs.k8s.io/kwok"
)

// packages are the main packages; go.mod lists the same ones as tools.
var packages = map[string]string{
	Etcd:              etcdModule,
	APIServer:         kubernetesModule + "/cmd/kube-apiserver",
	ControllerManager: kubernetesModule + "/cmd/kube-controller-manager",
	Scheduler:         kubernetesModule + "/cmd/kube-scheduler",
	Kubelet:           kubernetesModule + "/cmd/kubelet",
	Kwok:              kwokModule + "/cmd/kwok",
}

// Module is a go.mod with its go.sum.
type Module struct{ GoMod, GoSum []byte }

// Versions are the releases that a module pins.
type Versions struct{ Kubernetes, Etcd, Kwok string }

// Versions reads the module's requirements.
func (m Module) Versions() (Versions, error) {
	parsed, err := modfile.Parse("go.mod", m.GoMod, nil)
	if err != nil {
		return Versions{}, fmt.Errorf("reading the cluster's module: %w", err)
	}
	pinned := map[string]string{}
	for _, require := range parsed.Require {
		pinned[require.Mod.Path] = require.Mod.Version
	}
	v := Versions{pinned[kubernetesModule], pinned[etcdModule], pinned[kwokModule]}
	if v.Kubernetes == "" || v.Etcd == "" || v.Kwok == "" {
		return Versions{}, fmt.Errorf("reading the cluster's module: Kubernetes %q, etcd %q, kwok %q: all must be required",
			v.Kubernetes, v.Etcd, v.Kwok)
	}
	return v, nil
}

// String is a folder's name: one set of binaries for these versions on this
// kind of machine.
func (v Versions) String() string {
	return fmt.Sprintf("kubernetes-%s_etcd-%s_kwok-%s_%s-%s", v.Kubernetes, v.Etcd, v.Kwok, runtime.GOOS, runtime.GOARCH)
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
