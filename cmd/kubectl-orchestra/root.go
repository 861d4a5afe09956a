package main

import (
	"io"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/orchestra-ci/orchestra-k8s/driver"
)

// streams are the terminal's, or a test's.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// connection holds the flags that say which cluster, which namespaces and which templates.
type connection struct {
	cfg     driver.Config
	verbose bool
}

func newRoot(io streams) *cobra.Command {
	var c connection
	root := &cobra.Command{
		Use:           "kubectl-orchestra",
		Short:         "Run Orchestra's tasks as Kubernetes Pods",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetIn(io.in)
	root.SetOut(io.out)
	root.SetErr(io.err)
	flags := root.PersistentFlags()
	flags.StringVar(&c.cfg.Namespace, "scope", "default", "Orchestra's namespace: it scopes the names of tasks and volumes")
	flags.StringVarP(&c.cfg.KubeNamespace, "namespace", "n", "", "Kubernetes namespace (default: what the templates say, else \"default\")")
	flags.StringVar(&c.cfg.Kubeconfig, "kubeconfig", "", "kubeconfig file (default: $KUBECONFIG, in-cluster, ~/.kube/config)")
	flags.StringVar(&c.cfg.Context, "context", "", "context of the kubeconfig (default: its current one)")
	flags.StringArrayVar(&c.cfg.TemplateDirs, "templates", nil, "template directory, or builtin:NAME; may be given several times, later ones win")
	flags.BoolVar(&c.verbose, "verbose", false, "log what the driver does")
	root.AddCommand(newRun(io, &c))
	return root
}

// logger writes warnings, or with --verbose everything, to standard error.
func (c *connection) logger(w io.Writer) *slog.Logger {
	level := slog.LevelWarn
	if c.verbose {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level}))
}
