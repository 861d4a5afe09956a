package driver

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

func runScript(t *testing.T, d *Driver, script string) orchestra.Container {
	t.Helper()
	return runWithStdin(t, d, nil, script)
}

func readLogs(t *testing.T, c orchestra.Container, follow bool) (stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), clusterTimeout)
	defer cancel()
	var out, other bytes.Buffer
	require.NoError(t, c.Logs(ctx, &out, &other, follow))
	return out.String(), other.String()
}

func numbered(n int) string {
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, "%d %s\n", i+1, strings.Repeat("x", 40))
	}
	return text.String()
}

// countTo is a script that prints numbered(n).
func countTo(n int) string {
	return fmt.Sprintf("awk 'BEGIN { for (i = 1; i <= %d; i++) print i, \"%s\" }'", n, strings.Repeat("x", 40))
}

func TestClusterLogsOfAllKinds(t *testing.T) {
	d, _ := onCluster(t, uniqueNamespace(), nil)
	long := strings.Repeat("y", 100_000)
	for name, test := range map[string]struct{ script, want string }{
		"nothing":                  {"exit 0", ""},
		"one line":                 {"echo hello", "hello\n"},
		"no final newline":         {"printf 'a\\nb'", "a\nb"},
		"binary":                   {"printf '\\000\\377\\n\\303\\050\\n'", "\x00\xff\n\xc3\x28\n"},
		"long lines":               {"printf '%100000s\\nend\\n' | tr ' ' y; printf '%100000s' | tr ' ' y", long + "\nend\n" + strings.Repeat("y", 100_000)},
		"with a failure":           {"echo before; exit 7", "before\n"},
		"carriage returns stay":    {"printf 'a\\rb\\n'", "a\rb\n"},
		"but not before a newline": {"printf 'a\\r\\nb\\n'", "a\nb\n"},  // containerd drops them
		"3 MB":                     {countTo(60_000), numbered(60_000)}, // below 10 MiB on the node, where logs are rotated
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := runScript(t, d, test.script)
			for _, follow := range []bool{true, false, true} { // the first one before the task has started
				out, other := readLogs(t, c, follow)
				require.True(t, test.want == out, "follow %v: got %d bytes of %d", follow, len(out), len(test.want))
				assert.Empty(t, other)
			}
		})
	}
}

// What a task has written is there before the news that it runs: on a busy cluster by seconds.
func TestClusterLogsBeforeTheNewsOfTheStart(t *testing.T) {
	news := make(chan struct{})
	d, _ := onCluster(t, uniqueNamespace(), func(cfg *Config) {
		cfg.RESTConfig.Wrap(func(next http.RoundTripper) http.RoundTripper { return lateNews{next, news} })
	})
	t.Cleanup(func() { close(news) })
	c := runScript(t, d, "echo hello; sleep 3600")
	require.Eventually(t, func() bool {
		out, _ := readLogs(t, c, false)
		return out == "hello\n"
	}, clusterTimeout, 100*time.Millisecond)
	now, err := c.Status(t.Context())
	require.NoError(t, err)
	assert.NotEqual(t, ReasonRunning, now.(status).Reason(), "the news has not come")
}

// lateNews is a connection over which watches tell nothing for a while.
type lateNews struct {
	next http.RoundTripper
	news chan struct{}
}

func (l lateNews) RoundTrip(req *http.Request) (*http.Response, error) {
	answer, err := l.next.RoundTrip(req)
	if err == nil && req.URL.Query().Get("watch") != "" {
		answer.Body = &lateBody{ReadCloser: answer.Body, news: l.news, over: req.Context().Done()}
	}
	return answer, err
}

// WrappedRoundTripper lets client-go close the connections below.
func (l lateNews) WrappedRoundTripper() http.RoundTripper { return l.next }

type lateBody struct {
	io.ReadCloser
	news, over <-chan struct{}
}

func (b *lateBody) Read(p []byte) (int, error) {
	select {
	case <-b.news:
	case <-b.over:
	}
	return b.ReadCloser.Read(p)
}

func TestClusterLogsOfATaskThatNeverStarts(t *testing.T) {
	d, _ := onCluster(t, uniqueNamespace(), nil)
	d.watch.limits.grace = time.Second
	for name, task := range map[string]orchestra.Task{
		"no image":   {ID: "image", Image: "busybox:no-such-tag"},
		"no command": {ID: "command", Image: "busybox", Command: []string{"/no/such/command"}},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := d.RunContainer(t.Context(), task)
			require.NoError(t, err)
			out, other := readLogs(t, c, true)
			assert.Empty(t, out+other)
		})
	}
}

func TestClusterManyFollowers(t *testing.T) {
	d, _ := onCluster(t, uniqueNamespace(), nil)
	c := runScript(t, d, "for i in $(seq 1 20); do echo out $i; sleep 0.2; done")
	var want strings.Builder
	for i := range 20 {
		fmt.Fprintf(&want, "out %d\n", i+1)
	}
	var followers sync.WaitGroup
	for range 20 {
		followers.Go(func() {
			var out bytes.Buffer
			assert.NoError(t, c.Logs(t.Context(), &out, &out, true))
			assert.Equal(t, want.String(), out.String())
		})
	}
	followers.Wait()
}

// The connection to the API server breaks again and again; the log does not.
func TestClusterLogsOverBrokenConnections(t *testing.T) {
	var cuts atomic.Int64
	d, _ := onCluster(t, uniqueNamespace(), func(cfg *Config) {
		cfg.RESTConfig.Wrap(func(next http.RoundTripper) http.RoundTripper { return &logCutter{next: next, cuts: &cuts} })
	})
	c := runScript(t, d, countTo(20_000)+"; sleep 2; echo end; "+countTo(20_000))
	want := numbered(20_000) + "end\n" + numbered(20_000)
	for _, follow := range []bool{true, false} {
		out, _ := readLogs(t, c, follow)
		require.True(t, want == out, "follow %v: got %d bytes of %d", follow, len(out), len(want))
		assert.Positive(t, cuts.Swap(0), "follow %v", follow)
	}
}

func TestClusterLogsEndWithTheirContext(t *testing.T) {
	d, _ := onCluster(t, uniqueNamespace(), nil)
	c := runScript(t, d, "echo begun; sleep 3600")
	ctx, cancel := context.WithCancel(t.Context())
	out := &logBuffer{}
	done := make(chan error, 1)
	go func() { done <- c.Logs(ctx, out, out, true) }()
	require.Eventually(t, func() bool { return out.String() == "begun\n" }, clusterTimeout, 10*time.Millisecond)
	cancel()
	require.ErrorIs(t, <-done, context.Canceled)
	require.NoError(t, c.Cleanup(t.Context()))
	require.Error(t, c.Logs(t.Context(), out, out, true), "there is nothing to read any more, and that is not an empty log")
}

func TestClusterLogsWhereStreamsAreSplitOrNot(t *testing.T) {
	d, _ := onCluster(t, uniqueNamespace(), nil)
	c := runScript(t, d, "echo to stdout; echo to stderr >&2; sleep 1; echo to stdout; echo to stderr >&2")
	_, _ = finish(t, c)
	split, err := c.(LogSplitter).SplitsLogs(t.Context())
	require.NoError(t, err)
	for _, follow := range []bool{true, false} {
		out, other := readLogs(t, c, follow)
		if split {
			assert.Equal(t, strings.Repeat("to stdout\n", 2), out)
			assert.Equal(t, strings.Repeat("to stderr\n", 2), other)
			continue
		}
		assert.Empty(t, other)
		assert.Equal(t, 2, strings.Count(out, "to stdout\n"), "%q", out)
		assert.Equal(t, 2, strings.Count(out, "to stderr\n"), "%q", out)
		assert.Len(t, out, 40)
	}
	var both bytes.Buffer
	require.NoError(t, c.Logs(t.Context(), &both, &both, false))
	assert.Len(t, both.String(), 40)
	t.Logf("streams are split: %v", split)
}

// logCutter ends most log streams early: with an error, or cleanly, as an API server does that loses the node.
type logCutter struct {
	next   http.RoundTripper
	number atomic.Int64
	cuts   *atomic.Int64 // counted
}

func (c *logCutter) RoundTrip(req *http.Request) (*http.Response, error) {
	answer, err := c.next.RoundTrip(req)
	n := c.number.Add(1)
	if err != nil || path.Base(req.URL.Path) != "log" || n%4 == 0 {
		return answer, err
	}
	end := io.EOF
	if n%2 == 0 {
		end = errCut
	}
	answer.Body = &cutBody{ReadCloser: answer.Body, left: 100_000 * n, end: end, cuts: c.cuts}
	return answer, nil
}

// WrappedRoundTripper lets client-go close the connections below.
func (c *logCutter) WrappedRoundTripper() http.RoundTripper { return c.next }

type cutBody struct {
	io.ReadCloser
	left int64
	end  error
	cuts *atomic.Int64 // told of the cut
}

func (b *cutBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		b.cuts.Add(1)
		return 0, b.end
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}
