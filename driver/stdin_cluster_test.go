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
	"sync"
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
	return digestOf(t, noise(size))
}

// digestOf reads to the end.
func digestOf(t *testing.T, from io.Reader) string {
	t.Helper()
	hash := sha256.New()
	_, err := io.Copy(hash, from)
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
	for name, wrap := range attachProtocols {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, _ := onCluster(t, uniqueNamespace(), func(cfg *Config) { cfg.RESTConfig.Wrap(wrap) })
			c := runWithStdin(t, d, noise(30<<20), "sleep 75; sha256sum")
			end, out := finish(t, c)
			assert.Equal(t, digestOfNoise(t, 30<<20)+"  -\n", out)
			assert.Equal(t, ReasonCompleted, end.Reason(), end.Message())
		})
	}
}

func TestClusterStdinNeedNotBeRead(t *testing.T) {
	const small, endless = 1000, 1 << 40
	tests := map[string]struct {
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
	}
	for protocol, wrap := range attachProtocols {
		d, _ := onCluster(t, uniqueNamespace(), func(cfg *Config) { cfg.RESTConfig.Wrap(wrap) })
		for name, test := range tests {
			t.Run(protocol+", "+name, func(t *testing.T) {
				t.Parallel()
				c := runWithStdin(t, d, noise(test.size), test.script)
				end, out := finish(t, c)
				assert.Equal(t, test.out, out)
				assert.Equal(t, test.code, end.ExitCode(), "%s: %s", end.Reason(), end.Message())
			})
		}
	}
}

// A terminal where nobody types says neither a byte nor the end, and the task does not wait for it.
func TestClusterStdinMayStayQuiet(t *testing.T) {
	for name, wrap := range attachProtocols {
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
	for name, wrap := range attachProtocols {
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

// RunContainer returns when the API server has accepted the task, and nobody reads the input of one that does not run.
func TestClusterStdinOfATaskThatNeverStarts(t *testing.T) {
	d, _ := onCluster(t, uniqueNamespace(), nil)
	d.watch.limits.grace = time.Second
	stdin := bytes.NewReader([]byte("input"))
	c, err := d.RunContainer(t.Context(), orchestra.Task{ID: "never", Image: "busybox:no-such-tag", Stdin: stdin})
	require.NoError(t, err)
	end, out := finish(t, c)
	assert.Empty(t, out)
	assert.Equal(t, exitNone, end.ExitCode(), "%s: %s", end.Reason(), end.Message())
	assert.NotEqual(t, ReasonStdinIncomplete, end.Reason())
	assert.Equal(t, 5, stdin.Len(), "what is left to read")
}

// SPDY is asked for only where there is no WebSocket.
func TestClusterStdinTriesWebSocketFirst(t *testing.T) {
	for name, test := range map[string]struct {
		wrap    func(http.RoundTripper) http.RoundTripper
		methods []string
	}{
		"with WebSocket":    {func(next http.RoundTripper) http.RoundTripper { return next }, []string{http.MethodGet}},
		"without WebSocket": {withoutWebSocket, []string{http.MethodGet, http.MethodPost}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			attaches := &attachRecorder{}
			d, _ := onCluster(t, uniqueNamespace(), func(cfg *Config) {
				cfg.RESTConfig.Wrap(test.wrap)
				cfg.RESTConfig.Wrap(attaches.wrap)
			})
			end, out := finish(t, runWithStdin(t, d, strings.NewReader("input\n"), "cat"))
			assert.Equal(t, "input\n", out)
			assert.Equal(t, ReasonCompleted, end.Reason(), end.Message())
			attaches.mu.Lock()
			defer attaches.mu.Unlock()
			assert.Equal(t, test.methods, attaches.methods)
		})
	}
}

// attachRecorder notes how attaches are asked for.
type attachRecorder struct {
	mu      sync.Mutex
	methods []string
}

func (a *attachRecorder) wrap(next http.RoundTripper) http.RoundTripper {
	return recordedAttach{next, a}
}

type recordedAttach struct {
	next http.RoundTripper
	all  *attachRecorder
}

func (r recordedAttach) RoundTrip(req *http.Request) (*http.Response, error) {
	if strings.HasSuffix(req.URL.Path, "/attach") {
		r.all.mu.Lock()
		r.all.methods = append(r.all.methods, req.Method)
		r.all.mu.Unlock()
	}
	return r.next.RoundTrip(req)
}

// WrappedRoundTripper lets client-go close the connections below.
func (r recordedAttach) WrappedRoundTripper() http.RoundTripper { return r.next }

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

// attachProtocols are the ways to a task's stdin.
var attachProtocols = map[string]func(http.RoundTripper) http.RoundTripper{
	"over WebSocket": func(next http.RoundTripper) http.RoundTripper { return next },
	"over SPDY":      withoutWebSocket,
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
