package driver

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"
)

// TestPermissionsAreDocumented keeps the table of docs/operations.md the same as Features.
func TestPermissionsAreDocumented(t *testing.T) {
	var table strings.Builder
	table.WriteString("| feature | what for | resource | verbs |\n| --- | --- | --- | --- |\n")
	for _, f := range Features() {
		name, purpose := "`"+f.Name+"`", f.Purpose
		if f.ClusterWide {
			purpose += "; needs a ClusterRole"
		}
		for _, r := range f.Rules {
			resource := "`" + r.Resources[0] + "`"
			if group := r.APIGroups[0]; group != "" {
				resource += " (`" + group + "`)"
			}
			fmt.Fprintf(&table, "| %s | %s | %s | %s |\n", name, purpose, resource, strings.Join(r.Verbs, ", "))
			name, purpose = "", ""
		}
	}
	checkGenerated(t, "../docs/operations.md", "permissions", table.String())
}

func TestRulesAreOneForEachResource(t *testing.T) {
	rules := Rules(Features()...)
	var resources []string
	for _, r := range rules {
		require.Len(t, r.APIGroups, 1)
		require.Len(t, r.Resources, 1)
		resources = append(resources, r.APIGroups[0]+"/"+r.Resources[0])
		assert.True(t, slices.IsSorted(r.Verbs), "%v", r)
		assert.Equal(t, slices.Compact(slices.Clone(r.Verbs)), r.Verbs)
		assert.NotContains(t, r.Verbs, rbacv1.VerbAll)
	}
	assert.True(t, slices.IsSorted(resources))
	assert.Equal(t, slices.Compact(slices.Clone(resources)), resources)
	assert.Contains(t, rules, rule("", "persistentvolumeclaims", "create", "delete", "get", "list", "patch"))
	assert.Equal(t, rules, Rules(append(Features(), Features()...)...))
	assert.Empty(t, Rules())
}

func TestFeaturesOfTemplates(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*Config)
		want   []string
	}{
		"default":             {nil, []string{FeatureTasks, FeatureEvents}},
		"jobs":                {layer("builtin:job"), []string{FeatureTasks, FeatureEvents, FeatureJobs}},
		"dedicated namespace": {layer("builtin:dedicated-namespace"), []string{FeatureTasks, FeatureEvents, FeatureNamespace}},
		"Secrets":             {layer("builtin:secret-env"), []string{FeatureTasks, FeatureEvents, FeatureExtras}},
		"an object beside the namespace": {withTemplates(t, map[string]string{"namespace.yaml": namespaceWithPolicy}),
			[]string{FeatureTasks, FeatureEvents, FeatureNamespace, FeatureExtras}},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := Config{Namespace: "n"}
			if test.change != nil {
				test.change(&cfg)
			}
			features, err := FeaturesOf(cfg)
			require.NoError(t, err)
			var names []string
			for _, f := range features {
				names = append(names, f.Name)
				if f.Name == FeatureExtras {
					assert.Contains(t, []string{"secrets", "networkpolicies"}, f.Rules[0].Resources[0])
				}
			}
			assert.Equal(t, test.want, names)
		})
	}
	_, err := FeaturesOf(Config{})
	require.ErrorContains(t, err, "Namespace is required")
	_, err = FeaturesOf(Config{Namespace: "n", TemplateDirs: []string{"no/such/folder"}})
	require.ErrorContains(t, err, "no/such/folder")
}

const namespaceWithPolicy = `
apiVersion: v1
kind: Namespace
metadata: {name: {{ .Name | toJson }}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: closed}
spec: {podSelector: {}, policyTypes: [Ingress]}
`

func layer(name string) func(*Config) {
	return func(cfg *Config) { cfg.TemplateDirs = append(cfg.TemplateDirs, name) }
}
