package cluster

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Options say what kind of cluster to run. They are kept in its state, so that
// a later command can tell what is running.
type Options struct {
	Node           bool            `json:"node"`                    // run a real node
	SimulatedNodes int             `json:"simulatedNodes"`          // at least so many
	FeatureGates   map[string]bool `json:"featureGates"`            // of API server and kubelet
	KubeletConfig  string          `json:"kubeletConfig,omitempty"` // YAML, merged over the default one
}

// Request is what one up asks for. A nil field asks for nothing: it takes what
// the running cluster has, or the default.
type Request struct {
	Node           *bool
	SimulatedNodes *int
	FeatureGates   map[string]bool // nil differs from empty
	KubeletConfig  *string
}

// defaults is a cluster with one real node and no more.
func defaults() Options { return Options{Node: true, FeatureGates: map[string]bool{}} }

// over returns the options that the request leads to from the given ones.
// Simulated nodes are only ever added.
func (r Request) over(o Options) Options {
	if r.Node != nil {
		o.Node = *r.Node
	}
	if r.SimulatedNodes != nil {
		o.SimulatedNodes = max(o.SimulatedNodes, *r.SimulatedNodes)
	}
	if r.FeatureGates != nil {
		o.FeatureGates = r.FeatureGates
	}
	if r.KubeletConfig != nil {
		o.KubeletConfig = *r.KubeletConfig
	}
	return o
}

// restartReasons says what of wanted a cluster running with o cannot become
// without starting anew.
func (o Options) restartReasons(wanted Options) []string {
	var reasons []string
	if o.Node != wanted.Node {
		reasons = append(reasons, fmt.Sprintf("a real node: %t, now %t", o.Node, wanted.Node))
	}
	if !maps.Equal(o.FeatureGates, wanted.FeatureGates) {
		reasons = append(reasons, fmt.Sprintf("feature gates: %q, now %q", gates(o.FeatureGates), gates(wanted.FeatureGates)))
	}
	if o.KubeletConfig != wanted.KubeletConfig {
		reasons = append(reasons, "another kubelet configuration")
	}
	return reasons
}

// gates is the value of Kubernetes' own flag --feature-gates, sorted by name.
func gates(gates map[string]bool) string {
	parts := make([]string, 0, len(gates))
	for _, name := range slices.Sorted(maps.Keys(gates)) {
		parts = append(parts, name+"="+strconv.FormatBool(gates[name]))
	}
	return strings.Join(parts, ",")
}

// ParseGates reads a list such as "A=true,B=false". The empty string means no
// gates, which is not nil.
func ParseGates(list string) (map[string]bool, error) {
	parsed := map[string]bool{}
	for part := range strings.SplitSeq(list, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		name, value, found := strings.Cut(part, "=")
		on, err := strconv.ParseBool(value)
		if !found || name == "" || err != nil {
			return nil, fmt.Errorf("feature gate %q: must be NAME=true or NAME=false", part)
		}
		parsed[name] = on
	}
	return parsed, nil
}
