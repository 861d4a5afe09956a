package driver

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// environment is what finding a cluster reads from outside of Config, so that tests can set it.
type environment struct {
	kubeconfig string // $KUBECONFIG
	home       string // the user's home directory; "": none
	inCluster  func() (*rest.Config, error)
}

func processEnvironment() environment {
	home, _ := os.UserHomeDir() // without a home there is no ~/.kube/config to try
	return environment{kubeconfig: os.Getenv(clientcmd.RecommendedConfigPathEnvVar), home: home, inCluster: rest.InClusterConfig}
}

// Connect finds the cluster that New would use, and says in words where it was found. It makes no request.
func Connect(cfg Config) (*rest.Config, string, error) {
	found, err := connect(cfg, processEnvironment())
	return found.rest, found.source, err
}

// connection is a found cluster and where it was found, for messages.
type connection struct {
	rest   *rest.Config
	source string
}

// connect finds the cluster. What Config names is used or fails; the environment is asked only when Config names nothing.
//
// clientcmd's own "deferred loading" is avoided: it lets $KUBERNETES_MASTER and the in-cluster configuration override an
// explicit file (client-go tools/clientcmd/merged_client_builder.go).
func connect(cfg Config, env environment) (connection, error) {
	switch {
	case cfg.RESTConfig != nil:
		return connection{rest: rest.CopyConfig(cfg.RESTConfig), source: "Config.RESTConfig"}, nil
	case cfg.Kubeconfig != "":
		return fromFiles("Config.Kubeconfig", []string{cfg.Kubeconfig}, cfg)
	case env.kubeconfig != "":
		return fromFiles("$KUBECONFIG", filepath.SplitList(env.kubeconfig), cfg)
	}
	if cfg.Context == "" {
		found, err := env.inCluster()
		if err == nil {
			impersonate(found, cfg.Overrides.AuthInfo)
			return connection{rest: found, source: "the in-cluster configuration"}, nil
		}
		if !errors.Is(err, rest.ErrNotInCluster) {
			return connection{}, fmt.Errorf("reading the in-cluster configuration: %w", err)
		}
	}
	return fromHome(env.home, cfg)
}

// impersonate takes from the overrides what makes sense for an in-cluster configuration.
func impersonate(config *rest.Config, auth clientcmdapi.AuthInfo) {
	if auth.Impersonate != "" {
		config.Impersonate = rest.ImpersonationConfig{
			UserName: auth.Impersonate, UID: auth.ImpersonateUID, Groups: auth.ImpersonateGroups, Extra: auth.ImpersonateUserExtra,
		}
	}
}

// fromHome reads ~/.kube/config. Without a home there is none: the path would lie in the working directory, where a stranger may have put a
// kubeconfig, which can name programs to be run.
func fromHome(home string, cfg Config) (connection, error) {
	const file = "~/.kube/config"
	if home != "" {
		found, err := fromFiles(file, []string{filepath.Join(home, clientcmd.RecommendedHomeDir, clientcmd.RecommendedFileName)}, cfg)
		if !errors.Is(err, os.ErrNotExist) {
			return found, err
		}
	}
	return connection{}, fmt.Errorf("finding a cluster: Config has no RESTConfig and no Kubeconfig, $KUBECONFIG is not set, "+
		"this process does not run in a cluster, and there is no %s: name one of them", file)
}

// fromFiles loads kubeconfig files, merged as kubectl merges them. At least one of them must exist.
func fromFiles(source string, files []string, cfg Config) (connection, error) {
	source = source + " " + strings.Join(files, string(filepath.ListSeparator))
	if err := anyExists(files); err != nil {
		return connection{}, fmt.Errorf("reading %s: %w", source, err)
	}
	rules := clientcmd.ClientConfigLoadingRules{Precedence: files}
	loaded, err := rules.Load()
	if err != nil {
		return connection{}, fmt.Errorf("reading %s: %w", source, err)
	}
	context := cfg.Context
	if context == "" {
		context = loaded.CurrentContext
	}
	if _, ok := loaded.Contexts[context]; !ok {
		return connection{}, fmt.Errorf("reading %s: there is no context %q; it has %q", source, context, slices.Sorted(maps.Keys(loaded.Contexts)))
	}
	config, err := clientcmd.NewNonInteractiveClientConfig(*loaded, context, &cfg.Overrides, nil).ClientConfig()
	if err != nil {
		return connection{}, fmt.Errorf("reading context %q of %s: %w", context, source, err)
	}
	return connection{rest: config, source: fmt.Sprintf("context %q of %s", context, source)}, nil
}

func anyExists(files []string) error {
	var missing error
	for _, file := range files {
		_, err := os.Stat(file)
		if !errors.Is(err, os.ErrNotExist) {
			return err
		}
		missing = err
	}
	return missing
}

// tune sets what the driver needs of a connection, whoever made it.
//
// client-go limits itself to five requests a second unless told otherwise; the server has its own limits, so that is
// switched off, unless whoever made the configuration has set a limit. A timeout would cut watches and logs.
func tune(config *rest.Config, maxRequests int, warn rest.WarningHandlerWithContext) {
	if config.QPS == 0 && config.RateLimiter == nil {
		config.QPS = -1
	}
	if config.UserAgent == "" {
		config.UserAgent = userAgent()
	}
	if config.WarningHandler == nil && config.WarningHandlerWithContext == nil {
		config.WarningHandlerWithContext = warn
	}
	config.Timeout = 0
	config.Wrap(newLimiter(maxRequests))
	config.Wrap(newGrants(time.Now))
}

func userAgent() string {
	version := "devel"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		version = info.Main.Version
	}
	return "orchestra-k8s/" + version
}
