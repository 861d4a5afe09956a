// Package debian gets what a node needs from the distribution's packages:
// containerd's shim, runc, the CNI plugins and a static busybox.
package debian

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
)

// programs says which package brings each program that a node runs.
var programs = map[string]string{
	"containerd-shim-runc-v2": "containerd",
	"runc":                    "runc",
	"ip":                      "iproute2",
	"mount":                   "mount",
}

const cniPackage = "containernetworking-plugins"

// cniFolders are where distributions put the plugins; cniPlugins those in use.
var (
	cniFolders = []string{"/usr/lib/cni", "/opt/cni/bin", "/usr/libexec/cni"}
	cniPlugins = []string{"bridge", "host-local", "loopback"}
)

// Missing returns the packages that bring what is not on this machine yet. It
// looks for the programs, not for packages: they may come from elsewhere.
func Missing() []string {
	var missing []string
	for program, pkg := range programs {
		if _, err := exec.LookPath(program); err != nil && !slices.Contains(missing, pkg) {
			missing = append(missing, pkg)
		}
	}
	if _, err := CNIFolder(); err != nil {
		missing = append(missing, cniPackage)
	}
	slices.Sort(missing)
	return missing
}

// CNIFolder returns the folder that has all plugins in use.
func CNIFolder() (string, error) {
	for _, folder := range cniFolders {
		complete := !slices.ContainsFunc(cniPlugins, func(plugin string) bool {
			_, err := os.Stat(filepath.Join(folder, plugin))
			return err != nil
		})
		if complete {
			return folder, nil
		}
	}
	return "", fmt.Errorf("finding the CNI plugins %q: in none of %q", cniPlugins, cniFolders)
}

// Available tells whether packages can be installed here at all.
func Available() bool {
	_, err := exec.LookPath("apt-get")
	return err == nil
}
