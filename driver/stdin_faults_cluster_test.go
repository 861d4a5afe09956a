package driver

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/orchestra-ci/orchestra-k8s/internal/faultproxy"
	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

// Wherever an attach is cut, the task is a success only if it has got every byte. The next attach, if there is one, passes.
func TestClusterStdinIsCutAnywhere(t *testing.T) {
	const size = 1 << 20
	want := digestOfNoise(t, size) + "  -\n"
	faults := map[string]faultproxy.Fault{
		"before the server has seen it": faultproxy.LoseRequest,
		"when the server has answered":  faultproxy.LoseAnswer,
		"in the handshake":              faultproxy.CutUpload(10),
		"before the first byte":         faultproxy.CutUpload(200),
		"in the first frame":            faultproxy.CutUpload(10_000),
		"after some frames":             faultproxy.CutUpload(300_000),
		"in the last frames":            faultproxy.CutUpload(size - 20_000),
	}
	for bytes := int64(0); bytes < 600; bytes += 40 { // more than the answers until the first byte is sent, TLS included
		faults[fmt.Sprintf("%d bytes into the answers", bytes)] = faultproxy.CutDownload(bytes)
	}
	for protocol, wrap := range attachProtocols {
		for name, fault := range faults {
			t.Run(protocol+" "+name, func(t *testing.T) {
				t.Parallel()
				var first sync.Once
				proxy := faultproxy.Start(t, clusterConfig(t), func(r *http.Request) (chosen faultproxy.Fault) {
					chosen = faultproxy.Pass
					if strings.HasSuffix(r.URL.Path, "/attach") {
						first.Do(func() { chosen = fault })
					}
					return chosen
				})
				d, _ := onCluster(t, uniqueNamespace(), func(cfg *Config) {
					cfg.RESTConfig = proxy.Config()
					cfg.RESTConfig.Wrap(wrap)
				})
				end, out := finish(t, runWithStdin(t, d, noise(size), "sha256sum"))
				t.Logf("%s: %s", end.Reason(), end.Message())
				if end.Reason() == ReasonCompleted {
					assert.Equal(t, want, out)
					return
				}
				assert.Equal(t, ReasonStdinIncomplete, end.Reason())
				assert.Equal(t, exitNone, end.ExitCode())
			})
		}
	}
}

// Two drivers are given the same task with its stdin: it arrives once.
func TestClusterStdinOfManyDriversArrivesOnce(t *testing.T) {
	const size = 100_000
	for name, templates := range map[string][]string{"Pod": nil, "Job": {"builtin:job"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			namespace := uniqueNamespace()
			var containers []orchestra.Container
			for range 4 {
				d, _ := onCluster(t, namespace, func(cfg *Config) { cfg.TemplateDirs = templates })
				containers = append(containers, runWithStdin(t, d, noise(size), "sha256sum"))
			}
			for _, c := range containers {
				end, out := finish(t, c)
				assert.Equal(t, digestOfNoise(t, size)+"  -\n", out)
				assert.Equal(t, ReasonCompleted, end.Reason(), end.Message())
			}
		})
	}
}
