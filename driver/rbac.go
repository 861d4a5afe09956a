package driver

import (
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/orchestra-ci/orchestra-k8s/render"
)

// Feature is something that a driver may be used for, and the permissions that it takes.
type Feature struct {
	Name    string              // stable, for command lines
	Purpose string              // what it is for, in one line
	Rules   []rbacv1.PolicyRule // what it takes beyond FeatureTasks, in the driver's Kubernetes namespace unless ClusterWide
	// ClusterWide says that the rules of this and of every other feature belong into a ClusterRole: the Kubernetes namespace is
	// made by the driver, so no Role can be in it before.
	ClusterWide bool
}

// Names of the features that Features returns. FeatureExtras has no rules there: ask FeaturesOf.
const (
	FeatureTasks     = "tasks"
	FeatureEvents    = "events"
	FeatureVolumes   = "volumes"
	FeatureStdin     = "stdin"
	FeatureExec      = "exec"
	FeatureJobs      = "jobs"
	FeatureNamespace = "namespace"
	FeatureExtras    = "extras"
)

// Features are the permissions that the driver uses, exactly, and the only list of them: every test on a cluster could run with
// these and no others, and one that lacks any of them gets an error, or in the background a warning in its log, that names verb
// and resource. The first feature is what every driver needs.
//
// A server-side apply that creates an object takes both create and patch. A driver that makes Pods looks for Jobs as well, which
// other templates may have made, and does without when it may not.
func Features() []Feature {
	return []Feature{
		{Name: FeatureTasks, Purpose: "run tasks, watch them, read their logs, remove them; say that this driver lives, and sweep what dead ones have left", Rules: []rbacv1.PolicyRule{
			rule("", "pods", "create", "patch", "get", "list", "watch", "delete"),
			rule("", "pods/log", "get"),
			rule("", "persistentvolumeclaims", "list"), // Close removes claims, whoever made them
			rule("coordination.k8s.io", "leases", "create", "patch", "get", "list", "delete"),
		}},
		{Name: FeatureEvents, Purpose: "say why a task waits where only the cluster's events tell: a volume, a network, a Job that may not make pods", Rules: []rbacv1.PolicyRule{
			rule("", "events", "list"),
		}},
		{Name: FeatureVolumes, Purpose: "volumes, and tasks that mount them", Rules: []rbacv1.PolicyRule{
			rule("", "persistentvolumeclaims", "create", "patch", "get", "delete"),
		}},
		{Name: FeatureStdin, Purpose: "tasks with stdin", Rules: []rbacv1.PolicyRule{
			rule("", "pods/attach", "create", "get"), // get opens a WebSocket, which takes create since Kubernetes 1.35; create also opens SPDY
		}},
		{Name: FeatureExec, Purpose: "sandboxes, and copies from and to volumes", Rules: []rbacv1.PolicyRule{
			rule("", "pods/exec", "create", "get"),
		}},
		{Name: FeatureJobs, Purpose: "templates that make Jobs, such as builtin:job", Rules: []rbacv1.PolicyRule{
			rule("batch", "jobs", "create", "patch", "get", "list", "watch", "delete"),
		}},
		{Name: FeatureNamespace, Purpose: "templates with a namespace.yaml, such as builtin:dedicated-namespace", ClusterWide: true, Rules: []rbacv1.PolicyRule{
			rule("", "namespaces", "create", "patch", "get", "delete"),
			rule("", "serviceaccounts", "get"),
		}},
	}
}

// FeaturesOf are the features that the templates of cfg need: tasks and events always; jobs, namespace, and the kinds of their extra
// objects where they make any. It reads the templates and asks no cluster, so the resource of a kind is guessed by Kubernetes'
// rules for plurals. A kind that only a particular task leads to is not among them.
func FeaturesOf(cfg Config) ([]Feature, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	templates, err := LoadTemplates(cfg)
	if err != nil {
		return nil, err
	}
	beside, err := templates.Namespace()
	if err != nil {
		return nil, err
	}
	kinds := templates.Kinds()
	for _, obj := range beside {
		kinds = append(kinds, render.Kind{APIVersion: obj.GetAPIVersion(), Kind: obj.GetKind()})
	}
	needed := map[string]bool{FeatureTasks: true, FeatureEvents: true, FeatureJobs: makesJobs(templates), FeatureNamespace: len(beside) > 0}
	features := slices.DeleteFunc(Features(), func(f Feature) bool { return !needed[f.Name] })
	if extras := extrasFeature(kinds); len(extras.Rules) > 0 {
		features = append(features, extras)
	}
	return features, nil
}

// extrasFeature is for the extra objects of tasks, and those beside a Namespace.
func extrasFeature(kinds []render.Kind) Feature {
	extras := Feature{Name: FeatureExtras, Purpose: "the extra objects that the templates make"}
	for _, kind := range kinds {
		if gvk := groupVersionKind(kind); gvk != namespaceKind {
			resource, _ := meta.UnsafeGuessKindToResource(gvk)
			extras.Rules = append(extras.Rules, rule(resource.Group, resource.Resource, "create", "patch", "get", "list", "delete"))
		}
	}
	return extras
}

func rule(group, resource string, verbs ...string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{APIGroups: []string{group}, Resources: []string{resource}, Verbs: verbs}
}

// Rules joins the rules of features to one for each resource, in alphabetical order, as a Role or a ClusterRole has them.
func Rules(features ...Feature) []rbacv1.PolicyRule {
	verbs := map[schema.GroupResource][]string{}
	for _, feature := range features {
		for _, r := range feature.Rules {
			resource := schema.GroupResource{Group: r.APIGroups[0], Resource: r.Resources[0]}
			verbs[resource] = append(verbs[resource], r.Verbs...)
		}
	}
	var rules []rbacv1.PolicyRule
	for resource, all := range verbs {
		slices.Sort(all)
		rules = append(rules, rule(resource.Group, resource.Resource, slices.Compact(all)...))
	}
	slices.SortFunc(rules, func(a, b rbacv1.PolicyRule) int {
		return strings.Compare(a.APIGroups[0]+"/"+a.Resources[0], b.APIGroups[0]+"/"+b.Resources[0])
	})
	return rules
}
