package driver

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/orchestra-ci/orchestra-k8s/internal/faultproxy"
)

// Wherever an attach is cut, the task is a success only if it has got every byte.
func TestClusterStdinIsCutAnywhere(t *testing.T) {
	const size = 1 << 20
	want := digestOfNoise(t, size) + "  -\n"
	for name, fault := range map[string]faultproxy.Fault{
		"before the server has seen it": faultproxy.LoseRequest,
		"when the server has attached":  faultproxy.LoseAnswer,
		"in the handshake":              faultproxy.CutUpload(10),
		"before the first byte":         faultproxy.CutUpload(200),
		"in the first frame":            faultproxy.CutUpload(10_000),
		"after some frames":             faultproxy.CutUpload(300_000),
		"in the last frames":            faultproxy.CutUpload(size - 20_000),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			proxy := faultproxy.Start(t, clusterConfig(t), func(r *http.Request) faultproxy.Fault {
				if strings.HasSuffix(r.URL.Path, "/attach") {
					return fault
				}
				return faultproxy.Pass
			})
			d, _ := onCluster(t, uniqueNamespace(), func(cfg *Config) { cfg.RESTConfig = proxy.Config() })
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
