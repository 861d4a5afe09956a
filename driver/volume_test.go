package driver

import (
	"archive/tar"
	"bytes"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
	"github.com/orchestra-ci/orchestra-k8s/render"
)

func claimOf(size, class string) *unstructured.Unstructured {
	spec := map[string]any{"accessModes": []any{"ReadWriteOnce"}, "resources": map[string]any{"requests": map[string]any{"storage": size}}}
	if class != "" {
		spec["storageClassName"] = class
	}
	return &unstructured.Unstructured{Object: map[string]any{"spec": spec}}
}

func TestClaimsThatDiffer(t *testing.T) {
	for name, test := range map[string]struct {
		wanted, live *unstructured.Unstructured
		sized        bool
		paths        []string
	}{
		"the same, in other words":      {claimOf("1Gi", ""), claimOf("1024Mi", "standard"), true, nil},
		"a larger one will do":          {claimOf("1Gi", ""), claimOf("2Gi", ""), true, nil},
		"a smaller one":                 {claimOf("2Gi", ""), claimOf("1Gi", ""), true, []string{"spec.resources.requests.storage"}},
		"a smaller one, nobody asked":   {claimOf("2Gi", ""), claimOf("1Gi", ""), false, nil},
		"another class":                 {claimOf("1Gi", "fast"), claimOf("1Gi", "slow"), true, []string{"spec.storageClassName"}},
		"another class and a size more": {claimOf("1Gi", "fast"), claimOf("3Gi", "slow"), true, []string{"spec.storageClassName"}},
	} {
		assert.Equal(t, test.paths, append([]string(nil), claimDifferences(test.wanted, test.live, test.sized)...), name)
	}
}

func TestVolumeThatIsSmallerIsReported(t *testing.T) {
	s := newAPIServer(t)
	first, _ := openDriver(t, s, "ci", nil)
	_, err := first.CreateVolume(t.Context(), "cache", 1<<30)
	require.NoError(t, err)
	second, log := openDriver(t, s, "ci", nil)
	_, err = second.CreateVolume(t.Context(), "cache", 1<<30)
	require.NoError(t, err)
	assert.NotContains(t, log.String(), "different specification")
	_, err = second.CreateVolume(t.Context(), "cache", 5<<30)
	require.NoError(t, err)
	assert.Contains(t, log.String(), "spec.resources.requests.storage")
}

func TestVolumesOfThePlatform(t *testing.T) {
	s := newAPIServer(t)
	d, _ := openDriver(t, s, "ci", func(cfg *Config) {
		cfg.Values = map[string]any{"volumeSources": map[string]any{
			"shared":  map[string]any{"persistentVolumeClaim": map[string]any{"claimName": "theirs"}},
			"scratch": map[string]any{"emptyDir": map[string]any{}},
		}}
	})
	for _, name := range []string{"shared", "scratch"} {
		v, err := d.CreateVolume(t.Context(), name, 0)
		require.NoError(t, err)
		require.NoError(t, v.Cleanup(t.Context()))
	}
	assert.Empty(t, s.paths())
	require.ErrorContains(t, d.CopyToVolume(t.Context(), "shared", bytes.NewReader(nil)), "PersistentVolumeClaim/default/theirs")
	require.ErrorContains(t, d.CopyToVolume(t.Context(), "scratch", bytes.NewReader(nil)), "volumeSources")
	assert.Empty(t, s.paths())
}

// A claim of that name that is another's is neither mounted, nor copied to, nor deleted.
func TestForeignClaimIsNeitherUsedNorTouched(t *testing.T) {
	s := newAPIServer(t)
	d, _ := openDriver(t, s, "ns", nil)
	claim := claimOf("1Gi", "")
	claim.SetGroupVersionKind(claimKind)
	claim.SetName(d.templates.ClaimName("cache"))
	claim.SetNamespace("default")
	claim.SetUID("foreign")
	claim.SetAnnotations(map[string]string{render.KeyNamespace: "other", render.KeyVolume: "cache"})
	path := "/api/v1/namespaces/default/persistentvolumeclaims/" + claim.GetName()
	s.put(path, claim)
	mounting := task("one")
	mounting.Mounts = orchestra.Mounts{{Name: "cache"}}
	_, created := d.CreateVolume(t.Context(), "cache", 0)
	_, ran := d.RunContainer(t.Context(), mounting)
	copied := d.CopyToVolume(t.Context(), "cache", bytes.NewReader(entries(t, tar.Header{Name: "file"})))
	for what, err := range map[string]error{"creating": created, "mounting": ran, "copying": copied} {
		var conflict *ForeignError
		require.ErrorAs(t, err, &conflict, what)
		assert.ErrorContains(t, err, "PersistentVolumeClaim/default/"+claim.GetName(), what)
	}
	require.NoError(t, d.Close())
	assert.Equal(t, []string{path}, s.paths())
	assert.Zero(t, s.seen(http.MethodDelete, ""))
}
