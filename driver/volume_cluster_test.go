package driver

import (
	"archive/tar"
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

func TestClusterVolumesOfThePlatform(t *testing.T) {
	theirs, _ := onCluster(t, uniqueNamespace(), nil)
	newVolume(t, theirs, "volume")
	claim := theirs.templates.ClaimName("volume")
	d, _ := onCluster(t, uniqueNamespace(), func(cfg *Config) {
		cfg.Values["volumeSources"] = map[string]any{
			"shared":  map[string]any{"persistentVolumeClaim": map[string]any{"claimName": claim}},
			"scratch": map[string]any{"emptyDir": map[string]any{"sizeLimit": "10Mi"}},
			"own": map[string]any{"ephemeral": map[string]any{"volumeClaimTemplate": map[string]any{"spec": map[string]any{
				"accessModes": []any{"ReadWriteOnce"}, "resources": map[string]any{"requests": map[string]any{"storage": "1Mi"}},
			}}}},
		}
	})
	require.NoError(t, d.CopyToVolume(t.Context(), "shared", bytes.NewReader(entries(t, tar.Header{Name: "file"}))))
	c := run(t, d, orchestra.Task{
		ID: "x", Image: "busybox", Command: []string{"sh", "-c", "cp shared/file scratch/ && cp scratch/file own/ && cat own/file"},
		Mounts: orchestra.Mounts{{Name: "shared", Path: "shared"}, {Name: "scratch", Path: "scratch"}, {Name: "own"}},
	})
	end, out := finish(t, c)
	assert.Equal(t, "file", out, end.Message())
	assert.Len(t, left(t, d), 1, "the task's pod; the helper has gone before it")
	assert.Len(t, claimsOf(t, d, c.ID()), 1, "the pod's own")
	err := d.CopyToVolume(t.Context(), "own", bytes.NewReader(entries(t, tar.Header{Name: "file"})))
	require.ErrorContains(t, err, "every pod has a volume of this name for itself")
	require.NoError(t, d.Close())
	eventually(t, "the pod's claim goes with it", func() bool { return len(claimsOf(t, d, c.ID())) == 0 })
	assert.Len(t, left(t, theirs), 1, "their claim stays")
}

// claimsOf are the names of the claims that belong to a pod, as those of its ephemeral volumes do.
func claimsOf(t *testing.T, d *Driver, pod string) []string {
	t.Helper()
	claims, err := d.typed.CoreV1().PersistentVolumeClaims(d.namespace).List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	var names []string
	for i := range claims.Items {
		for _, owner := range claims.Items[i].OwnerReferences {
			if owner.Kind == "Pod" && owner.Name == pod {
				names = append(names, claims.Items[i].Name)
			}
		}
	}
	return names
}
