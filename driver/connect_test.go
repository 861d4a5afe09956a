package driver

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"
)

// kubeconfig writes a file whose contexts "a" (current) and "b" lead to the servers NAME-a and NAME-b.
func kubeconfig(t *testing.T, dir, name string) string {
	t.Helper()
	text := `apiVersion: v1
kind: Config
current-context: a
contexts:
- {name: a, context: {cluster: a, user: u}}
- {name: b, context: {cluster: b, user: u}}
users:
- {name: u, user: {token: secret}}
clusters:
- {name: a, cluster: {server: "https://%[1]s-a"}}
- {name: b, cluster: {server: "https://%[1]s-b"}}
`
	path := filepath.Join(dir, name)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(t, os.WriteFile(path, fmt.Appendf(nil, text, filepath.Base(name)), 0o600))
	return path
}

func TestConnectKeepsTheOrder(t *testing.T) {
	dir := t.TempDir()
	given, fromEnv := kubeconfig(t, dir, "given"), kubeconfig(t, dir, "env")
	kubeconfig(t, dir, ".kube/config")
	t.Setenv("KUBERNETES_MASTER", "https://must-not-be-used")
	inCluster := func() (*rest.Config, error) { return &rest.Config{Host: "https://in-cluster"}, nil }
	outside := func() (*rest.Config, error) { return nil, rest.ErrNotInCluster }
	all := environment{kubeconfig: fromEnv, home: dir, inCluster: inCluster}
	for name, c := range map[string]struct {
		cfg  Config
		env  environment
		want string
	}{
		"RESTConfig beats all":      {Config{RESTConfig: &rest.Config{Host: "https://rest"}, Kubeconfig: given}, all, "https://rest"},
		"Kubeconfig is next":        {Config{Kubeconfig: given}, all, "https://given-a"},
		"with a context":            {Config{Kubeconfig: given, Context: "b"}, all, "https://given-b"},
		"then $KUBECONFIG":          {Config{}, all, "https://env-a"},
		"with a context, too":       {Config{Context: "b"}, all, "https://env-b"},
		"several files are merged":  {Config{}, environment{kubeconfig: filepath.Join(dir, "missing") + ":" + given}, "https://given-a"},
		"then the cluster around":   {Config{}, environment{home: dir, inCluster: inCluster}, "https://in-cluster"},
		"which has no contexts":     {Config{Context: "b"}, environment{home: dir, inCluster: inCluster}, "https://config-b"},
		"and at last the home file": {Config{}, environment{home: dir, inCluster: outside}, "https://config-a"},
	} {
		t.Run(name, func(t *testing.T) {
			found, err := connect(c.cfg, c.env)
			require.NoError(t, err)
			assert.Equal(t, c.want, found.rest.Host)
			assert.NotEmpty(t, found.source)
		})
	}
}

func TestConnectSaysWhatItTried(t *testing.T) {
	dir := t.TempDir()
	given := kubeconfig(t, dir, "given")
	broken := filepath.Join(dir, "broken")
	require.NoError(t, os.WriteFile(broken, []byte("{"), 0o600))
	missing := filepath.Join(dir, "missing")
	outside := func() (*rest.Config, error) { return nil, rest.ErrNotInCluster }
	for name, c := range map[string]struct {
		cfg  Config
		env  environment
		want []string
	}{
		"nothing at all": {Config{}, environment{home: dir, inCluster: outside},
			[]string{"RESTConfig", "Kubeconfig", "$KUBECONFIG", "does not run in a cluster", "~/.kube/config"}},
		"file is missing":     {Config{Kubeconfig: missing}, environment{home: dir}, []string{"Config.Kubeconfig", missing, "no such file"}},
		"$KUBECONFIG is gone": {Config{}, environment{kubeconfig: missing, home: dir, inCluster: outside}, []string{"$KUBECONFIG", missing}},
		"file is broken":      {Config{Kubeconfig: broken}, environment{}, []string{broken}},
		"no such context":     {Config{Kubeconfig: given, Context: "c"}, environment{}, []string{given, `no context "c"`, `["a" "b"]`}},
		"token is missing": {Config{}, environment{home: dir, inCluster: func() (*rest.Config, error) { return nil, errors.New("open token: no such file") }},
			[]string{"in-cluster", "open token"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := connect(c.cfg, c.env)
			for _, want := range c.want {
				assert.ErrorContains(t, err, want)
			}
		})
	}
}

func TestConnectWithoutAHomeLooksNowhereElse(t *testing.T) {
	dir := t.TempDir()
	kubeconfig(t, dir, ".kube/config")
	t.Chdir(dir)
	_, err := connect(Config{}, environment{inCluster: func() (*rest.Config, error) { return nil, rest.ErrNotInCluster }})
	assert.ErrorContains(t, err, "finding a cluster")
}

func TestCallersConnectionIsNotChanged(t *testing.T) {
	s := newAPIServer(t)
	mine := &rest.Config{Host: s.URL, Timeout: 7, UserAgent: "mine"}
	d, _ := openDriver(t, s, "ns", func(cfg *Config) { cfg.RESTConfig = mine })
	assert.Equal(t, &rest.Config{Host: s.URL, Timeout: 7, UserAgent: "mine"}, mine)
	assert.Zero(t, d.rest.Timeout, "it would cut logs and watches")
	assert.Equal(t, "mine", d.rest.UserAgent)
	assert.Negative(t, d.rest.QPS, "client-go's own limit is five requests a second")
}

func TestNewReportsAClusterThatDoesNotAnswer(t *testing.T) {
	s := newAPIServer(t)
	s.Close()
	_, err := New(t.Context(), Config{Namespace: "ns", RESTConfig: s.config()}, nil)
	require.ErrorContains(t, err, s.URL)
	assert.ErrorContains(t, err, "Config.RESTConfig")
}
