package testcluster

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// writeKubeconfig makes a kubeconfig for a server that answers every request with the status.
func writeKubeconfig(t *testing.T, path string, status int) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, "/readyz", r.URL.Path)
		w.WriteHeader(status)
	}))
	t.Cleanup(server.Close)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, fmt.Appendf(nil, `{
		"apiVersion": "v1", "kind": "Config", "current-context": "c", "contexts": [{"name": "c", "context": {"cluster": "c"}}],
		"clusters": [{"name": "c", "cluster": {"server": %q}}]}`, server.URL), 0o600))
}

func at(dir string) func() (string, error) { return func() (string, error) { return dir, nil } }

func TestFindUsesTheDevelopmentCluster(t *testing.T) {
	cache := t.TempDir()
	path := filepath.Join(cache, "orchestra-devcluster", "clusters", "dev", "kubeconfig")

	_, err := find(t.Context(), "", at(cache))
	require.ErrorContains(t, err, "the development cluster is not there")

	writeKubeconfig(t, path, http.StatusOK)
	found, err := find(t.Context(), "", at(cache))
	require.NoError(t, err)
	assert.Equal(t, path, found)

	writeKubeconfig(t, path, http.StatusServiceUnavailable)
	_, err = find(t.Context(), "", at(cache))
	require.ErrorContains(t, err, "whether it is ready")

	errNoHome := errors.New("no home")
	_, err = find(t.Context(), "", func() (string, error) { return "", errNoHome })
	require.ErrorIs(t, err, errNoHome)
}

func TestFindPrefersWhatWasGivenAndDoesNotFallBack(t *testing.T) {
	cache, given := t.TempDir(), filepath.Join(t.TempDir(), "given")
	writeKubeconfig(t, filepath.Join(cache, "orchestra-devcluster", "clusters", "dev", "kubeconfig"), http.StatusOK)

	_, err := find(t.Context(), given, at(cache))
	require.ErrorIs(t, err, os.ErrNotExist)

	writeKubeconfig(t, given, http.StatusOK)
	found, err := find(t.Context(), given, at(cache))
	require.NoError(t, err)
	assert.Equal(t, given, found)
}

func TestFindIgnoresWhatHappensToBeConfigured(t *testing.T) {
	home := t.TempDir()
	writeKubeconfig(t, filepath.Join(home, ".kube", "config"), http.StatusOK)
	t.Setenv("HOME", home)
	t.Setenv("KUBECONFIG", filepath.Join(home, ".kube", "config"))

	_, err := find(t.Context(), "", at(t.TempDir()))
	assert.ErrorContains(t, err, "looking for a cluster: $ORCHESTRA_TEST_KUBECONFIG is not set")
}

func TestInfoBeside(t *testing.T) {
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	path := filepath.Join(filepath.Dir(kubeconfig), "info.json")

	_, err := infoBeside(kubeconfig)
	require.ErrorIs(t, err, os.ErrNotExist)

	for content, problem := range map[string]string{"{": "unexpected end of JSON", "{}": "it has no kubeconfig"} {
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		_, err = infoBeside(kubeconfig)
		require.ErrorContains(t, err, problem)
	}

	require.NoError(t, os.WriteFile(path, []byte(`{"kubeconfig": "k", "nodeName": "node", "simulatedNodes": ["a"], "featureGates": {"X": true}}`), 0o600))
	info, err := infoBeside(kubeconfig)
	require.NoError(t, err)
	assert.Equal(t, Info{Kubeconfig: "k", NodeName: "node", SimulatedNodes: []string{"a"}, FeatureGates: map[string]bool{"X": true}}, info)
}
