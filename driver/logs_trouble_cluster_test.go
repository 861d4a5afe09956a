package driver

import (
	"context"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchestra-ci/orchestra-k8s/internal/faultproxy"
	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

// The API server does not reach the node: it does not answer requests for logs, or with an error. The caller's context ends them all the same,
// and the error tells what was in the way.
func TestClusterLogsOfALostNodeEndWithTheirContext(t *testing.T) {
	var lost atomic.Pointer[faultproxy.Fault]
	lost.Store(&faultproxy.Pass)
	proxy := faultproxy.Start(t, clusterConfig(t), func(r *http.Request) faultproxy.Fault {
		if faultproxy.Kind(r) == "GET pods/log" && r.URL.Query().Get("stream") != "Probe" { // which the API server answers by itself
			return *lost.Load()
		}
		return faultproxy.Pass
	})
	d, _ := onCluster(t, uniqueNamespace(), func(cfg *Config) { cfg.RESTConfig = proxy.Config() })
	unstarted, err := d.RunContainer(t.Context(), orchestra.Task{ID: "unstarted", Image: "busybox:no-such-tag"})
	require.NoError(t, err)
	running, err := d.RunContainer(t.Context(), orchestra.Task{ID: "running", Image: "busybox", Command: []string{"sleep", "3600"}})
	require.NoError(t, err)
	require.NoError(t, running.(*container).awaitRunning(bounded(t)))
	ended := runScript(t, d, "echo x")
	finish(t, ended)
	seen, _ := d.watch.get(running.(*container).uid)

	silence := faultproxy.Delay(time.Hour)
	refusal := faultproxy.Refuse(http.StatusBadGateway)
	for name, c := range map[string]orchestra.Container{"unstarted": unstarted, "running": running, "ended": ended} {
		for _, follow := range []bool{false, true} {
			read := func(ctx context.Context) error { return c.Logs(ctx, io.Discard, io.Discard, follow) }
			for _, fault := range []faultproxy.Fault{silence, refusal} {
				lost.Store(&fault)
				assertEndsWithItsContext(t, read)
			}
			if name == "unstarted" {
				continue // it is not known to have a node, or its start is waited for
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			err := read(ctx)
			cancel()
			require.ErrorIs(t, err, context.DeadlineExceeded, name)
			assert.ErrorContains(t, err, "reading the log of "+podRef(d.namespace, c.ID()).String(), name)
			assert.ErrorContains(t, err, `before that: from node "`+seen.node+`": `, name)
			assert.ErrorContains(t, err, "made by the fault proxy", name)
		}
	}
}
