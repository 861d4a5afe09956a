package driver

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

// refusal is a way for the API server to refuse a task: one entry of testdata/refusals.yaml.
type refusal struct {
	Reason  string                      `json:"reason"`
	Labels  map[string]string           `json:"labels"`
	Objects []unstructured.Unstructured `json:"objects"`
	Values  map[string]any              `json:"values"`
	Define  string                      `json:"define"`
	Memory  int64                       `json:"memory"`
	Volume  string                      `json:"volume"`
}

// TestClusterRefusals provokes every refusal, and reads the reason from the error of RunContainer.
func TestClusterRefusals(t *testing.T) {
	text, err := os.ReadFile("../testdata/refusals.yaml")
	require.NoError(t, err)
	var refusals map[string]refusal
	require.NoError(t, yaml.UnmarshalStrict(text, &refusals))
	admin, _ := onCluster(t, uniqueNamespace(), nil)
	for name, r := range refusals {
		t.Run(name, func(t *testing.T) {
			namespace := refusingNamespace(t, admin, r)
			d, _ := onCluster(t, uniqueNamespace(), func(cfg *Config) {
				cfg.KubeNamespace, cfg.Values = namespace, r.Values
				if r.Define != "" {
					withTemplates(t, map[string]string{"_refused.tpl": r.Define})(cfg)
				}
			})
			err := r.provoke(t, d)
			var explained orchestra.Explainer
			require.ErrorAs(t, err, &explained, "%v", err)
			assert.Equal(t, r.Reason, explained.Reason())
			assert.Contains(t, err.Error(), "/"+namespace+"/", "it names the object")
			t.Log(err)
			recordRefusal(t, name, namespace, d.cfg.Namespace, err)
		})
	}
}

func (r refusal) provoke(t *testing.T, d *Driver) error {
	if r.Volume != "" {
		_, err := d.CreateVolume(t.Context(), r.Volume, 0)
		return err
	}
	refused := task("refused")
	refused.ContainerLimits.Memory = r.Memory
	_, err := d.RunContainer(t.Context(), refused)
	return err
}

// refusingNamespace makes a Kubernetes namespace in which the refusal happens.
func refusingNamespace(t *testing.T, admin *Driver, r refusal) string {
	t.Helper()
	name := uniqueNamespace()
	namespaces := admin.typed.CoreV1().Namespaces()
	_, err := namespaces.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: r.Labels}}, metav1.CreateOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = namespaces.Delete(context.Background(), name, metav1.DeleteOptions{}) })
	eventually(t, "it has a service account", func() bool {
		_, err := admin.typed.CoreV1().ServiceAccounts(name).Get(t.Context(), "default", metav1.GetOptions{})
		return err == nil
	})
	for _, obj := range r.Objects {
		found, err := admin.resources.of(t.Context(), obj.GroupVersionKind())
		require.NoError(t, err)
		objects := admin.dynamic.Resource(found.GroupVersionResource).Namespace(name)
		_, err = objects.Create(t.Context(), &obj, metav1.CreateOptions{})
		require.NoError(t, err)
		eventually(t, "a quota is in force", func() bool {
			live, err := objects.Get(t.Context(), obj.GetName(), metav1.GetOptions{})
			_, counted, _ := unstructured.NestedMap(live.Object, "status", "hard")
			return err == nil && (counted || obj.GetKind() != "ResourceQuota")
		})
	}
	return name
}

// recordRefusal writes the server's answer to testdata, without what is special about this run.
func recordRefusal(t *testing.T, name, namespace, scope string, err error) {
	t.Helper()
	if !*recordPods {
		return
	}
	var answer apierrors.APIStatus
	require.ErrorAs(t, err, &answer)
	status := answer.Status()
	text, err := yaml.Marshal(&status)
	require.NoError(t, err)
	generic := strings.NewReplacer(namespace, "ns", scope, "x").Replace(string(text))
	file := filepath.Join(recordedRefusals, name+".yaml")
	require.NoError(t, os.WriteFile(file, []byte("# Recorded from a cluster by TestClusterRefusals -record.\n"+generic), 0o644))
}
