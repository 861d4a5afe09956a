package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/orchestra-ci/orchestra-k8s/driver"
)

// connection holds the flags that say which cluster, which namespaces and which templates.
type connection struct {
	cfg     driver.Config
	set     []string
	timeout time.Duration
	verbose bool
}

// defaultTimeout is how long the API server may take for its first answer.
const defaultTimeout = 30 * time.Second

func (c *connection) addConnection(flags *pflag.FlagSet) {
	flags.StringVar(&c.cfg.Namespace, "scope", "default", "Orchestra's namespace: it scopes the names of tasks and volumes")
	flags.StringVarP(&c.cfg.KubeNamespace, "namespace", "n", "", "Kubernetes namespace (default: what the templates say, else \"default\")")
	flags.StringVar(&c.cfg.Kubeconfig, "kubeconfig", "", "kubeconfig file (default: $KUBECONFIG, in-cluster, ~/.kube/config)")
	flags.StringVar(&c.cfg.Context, "context", "", "context of the kubeconfig (default: its current one)")
	flags.StringArrayVar(&c.cfg.TemplateDirs, "templates", nil, "template directory, or builtin:NAME; may be given several times, later ones win")
	flags.StringArrayVar(&c.set, "set", nil, "value of the templates, such as nodeSelector.disk=ssd; may be given several times")
	flags.DurationVar(&c.timeout, "request-timeout", defaultTimeout, "how long the API server may take for its first answer")
	c.addOverrides(flags)
}

// addOverrides adds kubectl's own flags, by client-go's own definitions. --user is the task's here.
func (c *connection) addOverrides(flags *pflag.FlagSet) {
	names := clientcmd.RecommendedConfigOverrideFlags("")
	names.AuthOverrideFlags.Username.LongName, names.AuthOverrideFlags.Password.LongName = "", ""
	overrides := pflag.NewFlagSet("", pflag.ContinueOnError)
	clientcmd.BindAuthInfoFlags(&c.cfg.Overrides.AuthInfo, overrides, names.AuthOverrideFlags)
	clientcmd.BindClusterFlags(&c.cfg.Overrides.ClusterInfo, overrides, names.ClusterOverrideFlags)
	names.ContextOverrideFlags.ClusterName.BindStringFlag(overrides, &c.cfg.Overrides.Context.Cluster)
	overrides.VisitAll(func(flag *pflag.Flag) {
		flag.Hidden = flag.Name != "as" && flag.Name != "as-group" // as kubectl's help does, which has them in `kubectl options`
		flags.AddFlag(flag)
	})
}

// config is what the flags say.
func (c *cli) config() (driver.Config, error) {
	values, err := parseSet(c.set)
	if err != nil {
		return driver.Config{}, usageError{err}
	}
	cfg := c.cfg
	cfg.Values = values
	return cfg, nil
}

// impatience is after how long somebody at a terminal wants to know what is waited for.
const impatience = 3 * time.Second

// open connects. The caller ends with Disconnect: Close would remove all that other programs run in the same scope.
func (c *cli) open(ctx context.Context) (*driver.Driver, error) {
	cfg, err := c.config()
	if err != nil {
		return nil, err
	}
	waiting := time.AfterFunc(impatience, func() { c.say("waiting for the API server to answer (at most %s) ...", c.timeout) })
	defer waiting.Stop()
	bounded, cancel := context.WithTimeoutCause(ctx, c.timeout, fmt.Errorf("it did not answer within %s: %w", c.timeout, context.DeadlineExceeded))
	defer cancel()
	d, err := driver.New(bounded, cfg, c.logger())
	switch {
	case err == nil:
		return d, nil
	case bounded.Err() != nil && ctx.Err() == nil:
		return nil, fmt.Errorf("%w: %w", err, context.Cause(bounded))
	}
	if _, badTemplates := driver.LoadTemplates(cfg); badTemplates != nil {
		return nil, hinted{err, templatesHint}
	}
	return nil, err
}

const templatesHint = "Correct --templates, --set or the file that is named; `kubectl orchestra template lint` checks a directory without a cluster."

// with runs a command that needs a driver.
func (c *cli) with(ctx context.Context, do func(d *driver.Driver) error) error {
	d, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer d.Disconnect()
	return do(d)
}

// logger writes warnings in words, or with --verbose everything in a form for programs.
func (c *cli) logger() *slog.Logger {
	if c.verbose {
		return slog.New(slog.NewTextHandler(c.err, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	return slog.New(&warnings{say: c.say})
}
