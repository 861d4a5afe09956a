package driver

import (
	"errors"
	"fmt"
	"maps"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// Config says which cluster, which namespace and which templates. Only Namespace is required.
type Config struct {
	// Namespace is Orchestra's namespace: it scopes names, labels, GetContainer and Close. It may be any string.
	Namespace string
	// KubeNamespace is the Kubernetes namespace of every object. "" means what the templates say, else "default".
	KubeNamespace string

	// Kubeconfig is the path of a kubeconfig file. It beats everything but RESTConfig.
	Kubeconfig string
	// Context picks a context of the kubeconfig; "" means its current one. With a Context the in-cluster
	// configuration, which has none, is not considered.
	Context string
	// Overrides replace what the kubeconfig says, as kubectl's flags do: another user, server, certificate authority. Of them only the
	// impersonated user counts in the in-cluster configuration, and none with RESTConfig.
	Overrides clientcmd.ConfigOverrides
	// RESTConfig is for programs that connect by themselves. It beats everything else, and is copied, never changed.
	// Its Timeout is not used, as it would cut watches and logs.
	RESTConfig *rest.Config

	// TemplateDirs are layers over the built-in templates; later ones win. "builtin:NAME" names a built-in overlay.
	TemplateDirs []string
	// Values are merged over every layer's values.yaml.
	Values map[string]any

	// SchedulingDeadline, StartDeadline and RunDeadline bound how long a task may wait for a node, wait there for its start
	// without progress (image pull, configuration, init containers), and run. 0 means what the values deadlines.scheduling (10m),
	// deadlines.start (5m) and activeDeadlineSeconds (none) say. RunDeadline counts in whole seconds, and is rounded up.
	SchedulingDeadline, StartDeadline, RunDeadline time.Duration
	// ProblemDeadline bounds the wait for a start that has a problem which waiting seldom heals, such as an image that is not
	// found; NodeLostDeadline, beyond the grace period, the wait for a node to confirm that a deleted task has ended. 0 means what
	// the values deadlines.problem (1m) and deadlines.nodeLost (2m) say.
	ProblemDeadline, NodeLostDeadline time.Duration

	// MaxRequests caps the requests that are under way at the same time; 0 means 32. Watches and streams do not count.
	// A cap in place of client-go's five requests a second, which a driver of many tasks would crawl with.
	MaxRequests int
	// DeletionTimeout is how long Cleanup, Close, and RunContainer over an object that is being deleted wait for it to be
	// gone, beyond its grace period; 0 means two minutes.
	DeletionTimeout time.Duration
	// HelperIdle is how long a helper pod that has copied from or to a volume waits for the next copy; 0 means 30 s.
	HelperIdle time.Duration
}

const (
	defaultMaxRequests     = 32
	defaultDeletionTimeout = 2 * time.Minute
	defaultHelperIdle      = 30 * time.Second
)

// withDefaults returns a copy in which every zero value that has a default is replaced.
func (c Config) withDefaults() Config {
	if c.MaxRequests == 0 {
		c.MaxRequests = defaultMaxRequests
	}
	if c.DeletionTimeout == 0 {
		c.DeletionTimeout = defaultDeletionTimeout
	}
	if c.HelperIdle == 0 {
		c.HelperIdle = defaultHelperIdle
	}
	return c
}

// validate reports every problem that needs no file and no cluster to be seen.
func (c Config) validate() error {
	var problems []error
	if c.Namespace == "" {
		problems = append(problems, errors.New("checking Config: Namespace is required"))
	}
	if c.RESTConfig != nil && c.Context != "" {
		problems = append(problems, errors.New("checking Config: Context picks a context of a kubeconfig and cannot be used with RESTConfig"))
	}
	if c.MaxRequests < 0 {
		problems = append(problems, errors.New("checking Config: MaxRequests is negative"))
	}
	for _, field := range []struct {
		name  string
		value time.Duration
	}{
		{"DeletionTimeout", c.DeletionTimeout}, {"HelperIdle", c.HelperIdle}, {"RunDeadline", c.RunDeadline},
		{"SchedulingDeadline", c.SchedulingDeadline}, {"StartDeadline", c.StartDeadline},
		{"ProblemDeadline", c.ProblemDeadline}, {"NodeLostDeadline", c.NodeLostDeadline},
	} {
		if field.value < 0 {
			problems = append(problems, fmt.Errorf("checking Config: %s is negative", field.name))
		}
	}
	return errors.Join(problems...)
}

// values returns Values with the deadlines of Config in their places. Neither map of the caller's is changed.
func (c Config) values() map[string]any {
	values := maps.Clone(c.Values)
	if values == nil {
		values = map[string]any{}
	}
	given, _ := values["deadlines"].(map[string]any)
	deadlines := maps.Clone(given)
	if deadlines == nil {
		deadlines = map[string]any{}
	}
	for name, deadline := range map[string]time.Duration{
		"scheduling": c.SchedulingDeadline, "start": c.StartDeadline, "problem": c.ProblemDeadline, "nodeLost": c.NodeLostDeadline,
	} {
		if deadline > 0 {
			deadlines[name] = deadline.String()
		}
	}
	if len(deadlines) > 0 {
		values["deadlines"] = deadlines
	}
	if c.RunDeadline > 0 {
		values["activeDeadlineSeconds"] = int64((c.RunDeadline + time.Second - 1) / time.Second)
	}
	return values
}
