package driver

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/orchestra-ci/orchestra-k8s/internal/faultproxy"
	"github.com/orchestra-ci/orchestra-k8s/internal/testcluster"
	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

// hiddenCluster is the address of the test cluster that only a forward proxy knows: what does not go through the proxy fails.
const hiddenCluster = "cluster.invalid:6443"

// clusterProxy is a forward proxy that knows it.
func clusterProxy(t *testing.T, plan faultproxy.Plan) *faultproxy.Proxy {
	t.Helper()
	server, _, err := rest.DefaultServerUrlFor(clusterConfig(t))
	require.NoError(t, err)
	return faultproxy.StartForward(t, func(r *http.Request) faultproxy.Fault {
		if r.Host != hiddenCluster {
			return faultproxy.Refuse(http.StatusForbidden)
		}
		r.Host = server.Host
		return plan(r)
	})
}

// hide leads a configuration to the cluster by the name that only the proxy knows.
func hide(config *rest.Config, proxy *faultproxy.Proxy) error {
	server, err := url.Parse(config.Host)
	if err != nil {
		return err
	}
	config.Host, config.ServerName, config.Proxy = "https://"+hiddenCluster, server.Hostname(), proxy.Choose
	return nil
}

// bothWays are the protocols of stdin and of commands.
var bothWays = map[string]func(http.RoundTripper) http.RoundTripper{
	"over WebSocket": withoutExecSPDY,
	"over SPDY":      func(next http.RoundTripper) http.RoundTripper { return withoutExecSockets(withoutWebSocket(next)) },
}

func TestClusterEverythingGoesThroughTheProxy(t *testing.T) {
	for protocol, wrap := range bothWays {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			proxy := clusterProxy(t, func(*http.Request) faultproxy.Fault { return faultproxy.Pass })
			d, _ := onCluster(t, uniqueNamespace(), func(cfg *Config) {
				require.NoError(t, hide(cfg.RESTConfig, proxy))
				cfg.RESTConfig.Wrap(wrap)
			})
			const size = 5 << 20
			end, out := finish(t, runWithStdin(t, d, noise(size), "sha256sum"))
			assert.Equal(t, ReasonCompleted, end.Reason(), end.Message())
			assert.Equal(t, digestOfNoise(t, size)+"  -\n", out)

			code, stdout, _ := inSandbox(t, startSandbox(t, d), "sha256sum; exit 3", noise(size))
			assert.Equal(t, 3, code)
			assert.Equal(t, digestOfNoise(t, size)+"  -\n", stdout)

			newVolume(t, d, "data")
			require.NoError(t, d.CopyToVolume(t.Context(), "data", archiveOf(t, "file", []byte("content"))))
			content, err := readVolume(t, d, "file")
			require.NoError(t, err)
			assert.Equal(t, "content", string(content))
		})
	}
}

// A proxy is configured as for kubectl: by the environment, or by the kubeconfig.
func TestClusterProxyIsConfiguredAsForKubectl(t *testing.T) {
	for name, configure := range map[string]func(at string) (variable, inKubeconfig string){
		"HTTPS_PROXY": func(at string) (string, string) { return "HTTPS_PROXY=" + at, "" },
		"https_proxy": func(at string) (string, string) { return "https_proxy=" + at, "" },
		"proxy-url":   func(at string) (string, string) { return "HTTPS_PROXY=http://another.invalid", at },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			proxy := clusterProxy(t, func(*http.Request) faultproxy.Fault { return faultproxy.Pass })
			variable, inKubeconfig := configure(proxy.URL().String())
			l := life{
				Kubeconfig: hiddenKubeconfig(t, inKubeconfig), Namespace: uniqueNamespace(), Stdin: "input",
				Task: orchestra.Task{ID: "task", Image: "busybox", Command: []string{"cat"}},
			}
			found := l.lead(t, variable)
			assert.Equal(t, ReasonCompleted, found.Reason, found.Message)
			assert.Equal(t, "input", found.Output)
		})
	}
}

// hiddenKubeconfig writes a kubeconfig of the hidden cluster.
func hiddenKubeconfig(t *testing.T, proxy string) string {
	t.Helper()
	config, err := clientcmd.LoadFromFile(testcluster.Kubeconfig(t))
	require.NoError(t, err)
	cluster := config.Clusters[config.Contexts[config.CurrentContext].Cluster]
	server, err := url.Parse(cluster.Server)
	require.NoError(t, err)
	cluster.Server, cluster.TLSServerName, cluster.ProxyURL = "https://"+hiddenCluster, server.Hostname(), proxy
	path := filepath.Join(t.TempDir(), "kubeconfig")
	require.NoError(t, clientcmd.WriteToFile(*config, path))
	return path
}

// cutTunnels are tunnels that are cut, and what comes through one all the same: a task's stdin, a command, a copy to a volume. Each is spoiledSize.
var cutTunnels = map[string]struct {
	fault                faultproxy.Fault
	stdin, command, copy bool
}{
	"in the handshake": {faultproxy.CutDownload(500), true, true, true}, // nothing has begun, so all is repeated
	"half-way up":      {faultproxy.CutUpload(spoiledSize / 2), false, false, false},
	"half-way down":    {faultproxy.CutDownload(spoiledSize / 2), true, false, true},
}

// What a cut tunnel has not carried whole is no success.
func TestClusterProxyCutsTheTunnel(t *testing.T) {
	content := make([]byte, spoiledSize)
	_, err := io.ReadFull(noise(spoiledSize), content)
	require.NoError(t, err)
	for name, cut := range cutTunnels {
		for protocol, wrap := range bothWays {
			t.Run(name+" "+protocol, func(t *testing.T) {
				t.Parallel()
				var next atomic.Pointer[faultproxy.Fault] // of the next tunnel; that of requests is open
				proxy := clusterProxy(t, func(*http.Request) faultproxy.Fault {
					if fault := next.Swap(nil); fault != nil {
						return *fault
					}
					return faultproxy.Pass
				})
				d, _ := onCluster(t, uniqueNamespace(), func(cfg *Config) {
					require.NoError(t, hide(cfg.RESTConfig, proxy))
					cfg.RESTConfig.Wrap(wrap)
				})
				sandbox := startSandbox(t, d)
				newVolume(t, d, "data")
				require.NoError(t, d.CopyToVolume(t.Context(), "data", archiveOf(t, "another", nil)), "the helper is there")

				next.Store(&cut.fault)
				end, out := finish(t, runWithStdin(t, d, bytes.NewReader(content), "sha256sum"))
				assert.Equal(t, cut.stdin, end.Reason() == ReasonCompleted, "%s: %s", end.Reason(), end.Message())
				if cut.stdin {
					assert.Equal(t, digestOfNoise(t, spoiledSize)+"  -\n", out)
				} else {
					assert.Equal(t, ReasonStdinIncomplete, end.Reason())
				}

				next.Store(&cut.fault)
				var stdout bytes.Buffer
				result, err := sandbox.Exec(bounded(t), []string{"sh", "-c", "cat; exit 7"}, nil, "", bytes.NewReader(content), &stdout, nil)
				assert.Equal(t, cut.command, err == nil, "%v", err)
				if err == nil {
					assert.Equal(t, 7, result.ExitCode())
					assert.True(t, bytes.Equal(content, stdout.Bytes()), "%d of %d", stdout.Len(), spoiledSize)
				}

				next.Store(&cut.fault)
				err = d.CopyToVolume(bounded(t), "data", archiveOf(t, "file", content))
				assert.Equal(t, cut.copy, err == nil, "%v", err)
				if err == nil {
					got, err := readVolume(t, d, "file")
					require.NoError(t, err)
					assert.True(t, bytes.Equal(content, got), "%d of %d", len(got), spoiledSize)
				}
				assert.Nil(t, next.Load(), "no tunnel met the fault")
			})
		}
	}
}
