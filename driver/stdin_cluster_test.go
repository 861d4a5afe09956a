package driver

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

// clusterTimeout is for one task on a busy machine.
const clusterTimeout = 5 * time.Minute

// noise is as many random bytes, the same at each reading.
func noise(size int64) io.Reader { return io.LimitReader(rand.NewChaCha8([32]byte{1}), size) }

func digestOfNoise(t *testing.T, size int64) string {
	t.Helper()
	hash := sha256.New()
	_, err := io.Copy(hash, noise(size))
	require.NoError(t, err)
	return hex.EncodeToString(hash.Sum(nil))
}

// finish waits for the end of a task and returns its status and its log.
func finish(t *testing.T, c orchestra.Container) (status, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), clusterTimeout)
	defer cancel()
	end, err := c.(orchestra.Waiter).Wait(ctx)
	require.NoError(t, err)
	var out bytes.Buffer
	require.NoError(t, c.Logs(ctx, &out, &out, true))
	return end.(status), out.String()
}

func runWithStdin(t *testing.T, d *Driver, stdin io.Reader, script string) orchestra.Container {
	t.Helper()
	task := orchestra.Task{ID: t.Name(), Image: "busybox", Command: []string{"sh", "-c", script}, Stdin: stdin}
	c, err := d.RunContainer(t.Context(), task)
	require.NoError(t, err)
	return c
}

func TestClusterStdinArrivesWhole(t *testing.T) {
	d, _ := onCluster(t, uniqueNamespace(), nil)
	for name, size := range map[string]int64{"nothing": 0, "a byte": 1, "100 MiB": 100 << 20} {
		t.Run(name, func(t *testing.T) {
			c := runWithStdin(t, d, noise(size), "sha256sum")
			end, out := finish(t, c)
			assert.Equal(t, digestOfNoise(t, size)+"  -\n", out)
			assert.Equal(t, ReasonCompleted, end.Reason(), end.Message())
			assert.Zero(t, end.ExitCode())
		})
	}
}

// A task reads when it likes: also later than client-go's executors would wait, which is 61 seconds.
func TestClusterStdinWaitsForASlowTask(t *testing.T) {
	d, _ := onCluster(t, uniqueNamespace(), nil)
	c := runWithStdin(t, d, noise(30<<20), "sleep 75; sha256sum")
	end, out := finish(t, c)
	assert.Equal(t, digestOfNoise(t, 30<<20)+"  -\n", out)
	assert.Equal(t, ReasonCompleted, end.Reason(), end.Message())
}

func TestClusterStdinNeedNotBeRead(t *testing.T) {
	const small, endless = 1000, 1 << 40
	d, _ := onCluster(t, uniqueNamespace(), nil)
	for name, test := range map[string]struct {
		script string
		size   int64
		code   int
		out    string
	}{
		"small, not at all":             {"exit 0", small, 0, ""},
		"small, later than offered":     {"sleep 3", small, 0, ""},
		"small, not to the end":         {"sleep 2; head -c 10 | wc -c", small, 0, "10\n"},
		"endless, not at all":           {"exit 0", endless, 0, ""},
		"endless, with failure":         {"exit 3", endless, 3, ""},
		"endless, later":                {"sleep 3", endless, 0, ""},
		"endless, not to the end":       {"sleep 2; head -c 10 | wc -c", endless, 0, "10\n"},
		"endless, to the midst":         {"head -c 3000000 | wc -c", endless, 0, "3000000\n"},
		"endless, failing in the midst": {"head -c 300000 | wc -c; exit 4", endless, 4, "300000\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := runWithStdin(t, d, noise(test.size), test.script)
			end, out := finish(t, c)
			assert.Equal(t, test.out, out)
			assert.Equal(t, test.code, end.ExitCode(), "%s: %s", end.Reason(), end.Message())
		})
	}
}

// A terminal where nobody types says neither a byte nor the end, and the task does not wait for it.
func TestClusterStdinMayStayQuiet(t *testing.T) {
	for name, wrap := range map[string]func(http.RoundTripper) http.RoundTripper{
		"over WebSocket": func(next http.RoundTripper) http.RoundTripper { return next },
		"over SPDY":      withoutWebSocket,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, _ := onCluster(t, uniqueNamespace(), func(cfg *Config) { cfg.RESTConfig.Wrap(wrap) })
			quiet, more := io.Pipe()
			defer more.Close()
			end, _ := finish(t, runWithStdin(t, d, quiet, "sleep 3"))
			assert.Zero(t, end.ExitCode(), "%s: %s", end.Reason(), end.Message())
		})
	}
}

func TestClusterStdinReaderFails(t *testing.T) {
	d, _ := onCluster(t, uniqueNamespace(), nil)
	c := runWithStdin(t, d, &brokenReader{left: 1 << 20}, "sha256sum; sleep 3600")
	end, _ := finish(t, c)
	assert.Equal(t, ReasonStdinIncomplete, end.Reason())
	assert.Equal(t, exitNone, end.ExitCode())
	assert.Contains(t, end.Message(), errReader.Error())
}

func TestClusterStdinIsCut(t *testing.T) {
	for name, wrap := range map[string]func(http.RoundTripper) http.RoundTripper{
		"over WebSocket": func(next http.RoundTripper) http.RoundTripper { return next },
		"over SPDY":      withoutWebSocket,
	} {
		t.Run(name, func(t *testing.T) {
			d, _ := onCluster(t, uniqueNamespace(), func(cfg *Config) {
				proxy := startCutter(t, strings.TrimPrefix(cfg.RESTConfig.Host, "https://"), cutAfter{sent: 20 << 20})
				cfg.RESTConfig.Host = "https://" + proxy
				cfg.RESTConfig.Wrap(wrap)
			})
			c := runWithStdin(t, d, noise(50<<20), "sha256sum; echo the task was not told; exit 0")
			end, _ := finish(t, c)
			assert.Equal(t, ReasonStdinIncomplete, end.Reason(), end.Message())
			assert.Equal(t, exitNone, end.ExitCode())
			assert.Contains(t, end.Message(), "The task's stdin was cut: ")
		})
	}
}

// The whole way over SPDY, for servers without WebSocket.
func TestClusterStdinOverSPDY(t *testing.T) {
	d, _ := onCluster(t, uniqueNamespace(), func(cfg *Config) {
		cfg.RESTConfig.Wrap(withoutWebSocket)
	})
	c := runWithStdin(t, d, noise(50<<20), "sha256sum")
	end, out := finish(t, c)
	assert.Equal(t, digestOfNoise(t, 50<<20)+"  -\n", out)
	assert.Equal(t, ReasonCompleted, end.Reason(), end.Message())
}

// socketless is a proxy that knows no WebSocket.
type socketless struct{ next http.RoundTripper }

func withoutWebSocket(next http.RoundTripper) http.RoundTripper { return socketless{next} }

func (s socketless) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method == http.MethodGet && strings.HasSuffix(req.URL.Path, "/attach") {
		return nil, errors.New("what is an upgrade")
	}
	return s.next.RoundTrip(req)
}

// WrappedRoundTripper lets client-go close the connections below.
func (s socketless) WrappedRoundTripper() http.RoundTripper { return s.next }
