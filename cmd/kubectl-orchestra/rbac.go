package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/orchestra-ci/orchestra-k8s/driver"
)

func newRbac(c *cli) *cobra.Command {
	var name, account string
	command := &cobra.Command{
		Use:   "rbac [FEATURE...]",
		Short: "Print the least Role that the features need; needs no cluster",
		Long: `Print the least Role that the driver needs, for kubectl apply. What the templates need is always part of it; FEATUREs add to that:

` + featureHelp() + `
Without a FEATURE all of volumes, stdin and exec are added. With --service-account a binding is printed as well.`,
		Example: `  kubectl orchestra rbac
  kubectl orchestra rbac volumes -n ci --service-account ci-runner`,
		ValidArgs: featureNames(),
		Args:      cobra.OnlyValidArgs,
		RunE: func(_ *cobra.Command, args []string) error {
			cfg, err := c.config()
			if err != nil {
				return err
			}
			features, err := chosenFeatures(cfg, args)
			if err != nil {
				return err
			}
			set, err := loadTemplates(cfg)
			if err != nil {
				return err
			}
			text, err := role(features, name, set.KubeNamespace(), account)
			if err != nil {
				return err
			}
			return c.print(text)
		},
	}
	command.Flags().StringVar(&name, "name", "orchestra", "name of the Role and its binding")
	command.Flags().StringVar(&account, "service-account", "", "service account of the namespace that gets the Role, or NAMESPACE:NAME")
	return command
}

// runFeatures are those that any task may ask for.
var runFeatures = []string{driver.FeatureVolumes, driver.FeatureStdin, driver.FeatureExec}

func featureNames() []string {
	var names []string
	for _, feature := range driver.Features() {
		names = append(names, feature.Name)
	}
	return names
}

func featureHelp() string {
	var text strings.Builder
	for _, feature := range driver.Features() {
		fmt.Fprintf(&text, "  %-10s %s\n", feature.Name, feature.Purpose)
	}
	return text.String()
}

// chosenFeatures are what the templates need, and the named ones.
func chosenFeatures(cfg driver.Config, names []string) ([]driver.Feature, error) {
	features, err := driver.FeaturesOf(cfg)
	if err != nil {
		return nil, hinted{err, templatesHint}
	}
	if len(names) == 0 {
		names = runFeatures
	}
	for _, feature := range driver.Features() {
		has := slices.ContainsFunc(features, func(f driver.Feature) bool { return f.Name == feature.Name })
		if slices.Contains(names, feature.Name) && !has {
			features = append(features, feature)
		}
	}
	return features, nil
}

// role is a Role, or a ClusterRole where one is needed, with a comment for each feature.
func role(features []driver.Feature, name, namespace, account string) (string, error) {
	kind, clusterWide := "Role", slices.ContainsFunc(features, func(f driver.Feature) bool { return f.ClusterWide })
	if clusterWide {
		kind, namespace = "ClusterRole", ""
	}
	var text strings.Builder
	for _, feature := range features {
		fmt.Fprintf(&text, "# %s: %s\n", feature.Name, feature.Purpose)
	}
	meta := roleMeta{name, namespace}
	types := metav1.TypeMeta{APIVersion: rbacv1.SchemeGroupVersion.String(), Kind: kind}
	objects := []any{roleObject{types, meta, driver.Rules(features...)}}
	if account != "" {
		objects = append(objects, binding(kind, meta, account))
	}
	for i, object := range objects {
		document, err := yaml.Marshal(object)
		if err != nil {
			return "", fmt.Errorf("encoding the %s: %w", kind, err)
		}
		if i > 0 {
			text.WriteString("---\n")
		}
		text.Write(document)
	}
	return text.String(), nil
}

// roleObject is a Role or a ClusterRole, without the empty fields that the typed ones are printed with.
type roleObject struct {
	metav1.TypeMeta `json:",inline"`
	Metadata        roleMeta            `json:"metadata"`
	Rules           []rbacv1.PolicyRule `json:"rules"`
}

type roleMeta struct {
	Name      string `json:"name"`
	Namespace string `json:"namespace,omitempty"`
}

// bindingObject is a RoleBinding or a ClusterRoleBinding.
type bindingObject struct {
	metav1.TypeMeta `json:",inline"`
	Metadata        roleMeta         `json:"metadata"`
	RoleRef         rbacv1.RoleRef   `json:"roleRef"`
	Subjects        []rbacv1.Subject `json:"subjects"`
}

func binding(kind string, meta roleMeta, account string) bindingObject {
	namespace, name, found := strings.Cut(account, ":")
	if !found {
		namespace, name = meta.Namespace, account
	}
	if namespace == "" {
		namespace = metav1.NamespaceDefault
	}
	return bindingObject{
		TypeMeta: metav1.TypeMeta{APIVersion: rbacv1.SchemeGroupVersion.String(), Kind: kind + "Binding"},
		Metadata: meta,
		RoleRef:  rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: kind, Name: meta.Name},
		Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: name, Namespace: namespace}},
	}
}
