package main

import (
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

// versions is what `version` prints.
type versions struct {
	Version  string `json:"version"` // of this program's module
	Revision string `json:"revision,omitempty"`
	ClientGo string `json:"clientGo"` // the Kubernetes client library
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func newVersion(c *cli) *cobra.Command {
	var out output
	command := &cobra.Command{
		Use:     "version",
		Short:   "Print the version of this program; doctor prints the cluster's",
		Example: "  kubectl orchestra version -o json",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			v := builtVersions()
			if handled, err := out.encode(c, v); handled {
				return err
			}
			words := []string{"kubectl-orchestra", v.Version, v.Revision, "client-go", v.ClientGo, v.Go, v.Platform}
			return c.print(strings.Join(strings.Fields(strings.Join(words, " ")), " ") + "\n") // without a revision there is no gap
		},
	}
	out.add(command, asJSON, asYAML)
	return command
}

func builtVersions() versions {
	v := versions{Version: "devel", ClientGo: "unknown", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	if info.Main.Version != "" {
		v.Version = info.Main.Version
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			v.Revision = setting.Value
		}
	}
	for _, dependency := range info.Deps {
		if dependency.Path == "k8s.io/client-go" {
			v.ClientGo = dependency.Version
		}
	}
	return v
}
