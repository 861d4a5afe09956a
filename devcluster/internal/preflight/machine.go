// Package preflight finds out whether a real node can run on this machine,
// before anything is changed on it.
package preflight

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/cgroup"
	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/debian"
)

// Machine is what a node's start depends on.
type Machine struct {
	OS         string   // runtime.GOOS
	Root       bool     // the effective user is root
	Powers     []string // capabilities that root has elsewhere and lacks here
	Cgroups    error    // why the control groups do not suffice
	Overlay    bool     // the kernel can stack file systems
	Packages   []string // Debian packages to install first
	CanInstall bool     // there is an apt-get
}

// Look describes the machine that we are on.
func Look() Machine {
	m := Machine{OS: runtime.GOOS, Root: os.Geteuid() == 0, CanInstall: debian.Available()}
	if m.OS != "linux" {
		return m
	}
	m.Powers = lackingPowers()
	_, m.Cgroups = cgroup.Detect()
	m.Overlay = hasOverlay()
	m.Packages = debian.Missing()
	return m
}

// Missing returns one sentence for each thing that a node needs and this
// machine has not. It is empty if a node can run.
func (m Machine) Missing() []string {
	if m.OS != "linux" {
		return []string{fmt.Sprintf("Linux: this is %s", m.OS)}
	}
	var missing []string
	if !m.Root {
		missing = append(missing, "root: the kubelet and containerd mount file systems and make network interfaces")
	}
	if m.Root && len(m.Powers) > 0 {
		missing = append(missing, "capabilities that this root does not have: "+strings.Join(m.Powers, ", "))
	}
	if m.Cgroups != nil {
		missing = append(missing, "control groups: "+m.Cgroups.Error())
	}
	if !m.Overlay {
		missing = append(missing, "the overlay file system (not in /proc/filesystems; modprobe overlay may bring it)")
	}
	if len(m.Packages) > 0 && !m.CanInstall {
		missing = append(missing, fmt.Sprintf("what Debian packages %s bring: there is no apt-get here to install them",
			strings.Join(m.Packages, ", ")))
	}
	return missing
}

// Check returns nil if a node can run here, or an error that says everything
// that is missing and what can be done instead.
func (m Machine) Check() error {
	missing := m.Missing()
	if len(missing) == 0 {
		return nil
	}
	return errors.New("a node cannot run on this machine, which lacks\n  - " + strings.Join(missing, "\n  - ") + "\n" + alternatives)
}

const alternatives = `What works instead:
  - devcluster up --no-node: a real API server and simulated nodes; needs neither root nor containers.
  - Another cluster (kind, minikube, any kubeconfig): "make test CLUSTER=/path/to/kubeconfig", or the
    environment variable ORCHESTRA_TEST_KUBECONFIG; "make run" uses the cluster of $KUBECONFIG.`

// powers are the numbers of the capabilities that a node uses, see
// capabilities(7). CAP_SYS_RESOURCE is not among them: it can do without.
var powers = map[string]uint{"CAP_NET_ADMIN": 12, "CAP_SYS_CHROOT": 18, "CAP_SYS_ADMIN": 21, "CAP_MKNOD": 27}

func lackingPowers() []string {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return nil // the start of a component will tell
	}
	return parsePowers(string(status))
}

func parsePowers(status string) []string {
	for line := range strings.Lines(status) {
		value, found := strings.CutPrefix(line, "CapEff:")
		if !found {
			continue
		}
		effective, err := strconv.ParseUint(strings.TrimSpace(value), 16, 64)
		if err != nil {
			return nil
		}
		var lacking []string
		for _, name := range slices.Sorted(maps.Keys(powers)) {
			if effective&(1<<powers[name]) == 0 {
				lacking = append(lacking, name)
			}
		}
		return lacking
	}
	return nil
}

func hasOverlay() bool {
	known, err := os.ReadFile("/proc/filesystems")
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(known)) {
		if fields := strings.Fields(line); len(fields) > 0 && fields[len(fields)-1] == "overlay" {
			return true
		}
	}
	_, err = os.Stat("/sys/module/overlay")
	return err == nil
}
