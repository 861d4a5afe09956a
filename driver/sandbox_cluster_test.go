package driver

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

func startSandbox(t *testing.T, d *Driver) orchestra.Sandbox {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), clusterTimeout)
	defer cancel()
	s, err := d.StartSandbox(ctx, orchestra.Task{ID: t.Name(), Image: "busybox", Env: map[string]string{"OWN": "task's"}})
	require.NoError(t, err)
	return s
}

// inSandbox runs a script of the image's own shell.
func inSandbox(t *testing.T, s orchestra.Sandbox, script string, stdin io.Reader) (code int, stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), clusterTimeout)
	defer cancel()
	var out, errs bytes.Buffer
	end, err := s.Exec(ctx, []string{"sh", "-c", script}, nil, "", stdin, &out, &errs)
	require.NoError(t, err)
	return end.ExitCode(), out.String(), errs.String()
}

func TestClusterSandboxNeedsNoShell(t *testing.T) {
	d, _ := onCluster(t, uniqueNamespace(), nil)
	s := startSandbox(t, d)
	code, _, stderr := inSandbox(t, s, "mkdir -p '/only/a dir' && cp /bin/busybox /only/env && cp /bin/busybox /only/pwd && rm -rf /bin /sbin /usr", nil)
	require.Zero(t, code, stderr)
	var out bytes.Buffer
	_, err := s.Exec(t.Context(), []string{"/only/env"}, map[string]string{"A.B": "dot", "C": " it's $(x)\n"}, "", nil, &out, nil)
	require.NoError(t, err)
	assert.Contains(t, out.String(), "A.B=dot\n")
	assert.Contains(t, out.String(), "C= it's $(x)\n\n")
	assert.Contains(t, out.String(), "OWN=task's\n")
	out.Reset()
	_, err = s.Exec(t.Context(), []string{"pwd"}, map[string]string{"PATH": "/none:/only"}, "/only/a dir", nil, &out, nil)
	require.NoError(t, err)
	assert.Equal(t, "/only/a dir\n", out.String())
	end, err := s.Exec(t.Context(), []string{"sh"}, nil, "", nil, nil, nil)
	require.NoError(t, err)
	assert.Equal(t, 127, end.ExitCode(), "the helper's own programs must not take the place of the image's")
}

func TestClusterSandboxExitCodes(t *testing.T) {
	d, _ := onCluster(t, uniqueNamespace(), nil)
	s := startSandbox(t, d)
	for script, want := range map[string]int{
		"exit 0": 0, "exit 255": 255, "kill -9 $$": 137, "kill -TERM $$": 143, "kill -9 0": 137, "no-such-program": 127, "exec /etc/passwd": 126,
	} {
		code, _, stderr := inSandbox(t, s, script, nil)
		assert.Equal(t, want, code, script)
		assert.NotContains(t, stderr, "Killed")
	}
	_, err := s.Exec(t.Context(), []string{"pwd"}, nil, "not/there", nil, nil, nil)
	assert.ErrorContains(t, err, "not/there")
}

// What a command leaves of its stdin may look like the driver's own words.
func TestClusterSandboxStdinIsNotTakenForTheDrivers(t *testing.T) {
	d, _ := onCluster(t, uniqueNamespace(), nil)
	s := startSandbox(t, d)
	words := strings.Repeat("bye\n0\n1 1\n", 1<<17)
	for script, out := range map[string]string{"head -c 5; exit 3": words[:5], "head -c 300000 | sha256sum; exit 3": digestOf(t, strings.NewReader(words[:300000])) + "  -\n"} {
		code, stdout, _ := inSandbox(t, s, script, strings.NewReader(words))
		assert.Equal(t, 3, code)
		assert.Equal(t, out, stdout)
	}
}

// A process that does not read its stdin leaves the connection full of it, at the end of which its exit code must still arrive.
func TestClusterSandboxStdinNeedNotBeRead(t *testing.T) {
	d, _ := onCluster(t, uniqueNamespace(), nil)
	s := startSandbox(t, d)
	for range 3 {
		for script, out := range map[string]string{"exit 3": "", "head -c 300000 | wc -c; exit 3": "300000\n"} {
			code, stdout, _ := inSandbox(t, s, script, noise(5<<20))
			assert.Equal(t, 3, code)
			assert.Equal(t, out, stdout)
		}
	}
}

func TestClusterSandboxStreamsAreWhole(t *testing.T) {
	const size = 20 << 20
	for name, change := range map[string]func(*Config){
		"over WebSocket": nil,
		"over SPDY":      func(cfg *Config) { cfg.RESTConfig.Wrap(withoutExecSockets) },
	} {
		t.Run(name, func(t *testing.T) {
			d, _ := onCluster(t, uniqueNamespace(), change)
			s := startSandbox(t, d)
			hash := sha256.New()
			_, err := s.Exec(t.Context(), []string{"cat"}, nil, "", noise(size), &slowWriter{to: hash}, nil)
			require.NoError(t, err)
			assert.Equal(t, digestOfNoise(t, size), hex.EncodeToString(hash.Sum(nil)))
			code, stdout, stderr := inSandbox(t, s, "echo out; echo err >&2; exit 9", nil)
			assert.Equal(t, []any{9, "out\n", "err\n"}, []any{code, stdout, stderr})
		})
	}
}

// slowWriter lets a server get far ahead at first.
type slowWriter struct {
	to   io.Writer
	once sync.Once
}

func (w *slowWriter) Write(p []byte) (int, error) {
	w.once.Do(func() {
		timer := time.NewTimer(3 * time.Second)
		<-timer.C
	})
	return w.to.Write(p)
}

// execProxy knows only one of the two protocols: WebSocket begins with GET, and SPDY with POST.
type execProxy struct {
	next    http.RoundTripper
	refused string
}

func withoutExecSockets(next http.RoundTripper) http.RoundTripper {
	return execProxy{next, http.MethodGet}
}
func withoutExecSPDY(next http.RoundTripper) http.RoundTripper {
	return execProxy{next, http.MethodPost}
}

func (s execProxy) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method == s.refused && strings.HasSuffix(req.URL.Path, "/exec") {
		return nil, errors.New("what is an upgrade")
	}
	return s.next.RoundTrip(req)
}

func (s execProxy) WrappedRoundTripper() http.RoundTripper { return s.next }

func TestClusterSandboxCancelledExecEndsTheProcess(t *testing.T) {
	d, _ := onCluster(t, uniqueNamespace(), nil)
	s := startSandbox(t, d)
	for name, stdin := range map[string]io.Reader{"without stdin": nil, "with a stdin that it does not read": noise(1 << 40)} {
		ctx, cancel := context.WithCancel(t.Context())
		started := &signalWriter{seen: make(chan struct{})}
		result := make(chan error, 1)
		go func() {
			_, err := s.Exec(ctx, []string{"sh", "-c", "echo started; sleep 54321 & sleep 12345"}, nil, "", stdin, started, nil)
			result <- err
		}()
		<-started.seen
		cancel()
		require.ErrorIs(t, <-result, context.Canceled, name)
		for began, left := time.Now(), ""; left != "0\n"; { // a busy node may take longer than a caller whose context has ended waits
			_, left, _ = inSandbox(t, s, "ps | grep -c '[s]leep [15]'", nil)
			require.Less(t, time.Since(began), patience, "%s: still there: %s", name, left)
		}
	}
}

// signalWriter tells of its first write.
type signalWriter struct {
	once sync.Once
	seen chan struct{}
}

func (w *signalWriter) Write(p []byte) (int, error) {
	w.once.Do(func() { close(w.seen) })
	return len(p), nil
}

func TestClusterSandboxBackgroundGoesOn(t *testing.T) {
	d, _ := onCluster(t, uniqueNamespace(), nil)
	s := startSandbox(t, d)
	code, _, _ := inSandbox(t, s, "sleep 12345 >/dev/null 2>&1 & sleep 23456 &", nil)
	require.Zero(t, code)
	_, stdout, _ := inSandbox(t, s, "ps | grep -c '[s]leep [12]'", nil)
	assert.Equal(t, "2\n", stdout)
}

// A connection that breaks is an error, and the command is never told that its input has ended.
func TestClusterSandboxExecIsCut(t *testing.T) {
	for name, wrap := range map[string]func(http.RoundTripper) http.RoundTripper{
		"over WebSocket": func(next http.RoundTripper) http.RoundTripper { return next },
		"over SPDY":      withoutExecSockets,
	} {
		t.Run(name, func(t *testing.T) {
			namespace := uniqueNamespace()
			direct, _ := onCluster(t, namespace, nil)
			s := startSandbox(t, direct)
			d, _ := onCluster(t, namespace, func(cfg *Config) {
				cfg.RESTConfig.Host = "https://" + startCutter(t, strings.TrimPrefix(cfg.RESTConfig.Host, "https://"), cutAfter{received: 4 << 20})
				cfg.RESTConfig.Wrap(wrap)
			})
			cut, err := d.GetSandbox(t.Context(), s.ID())
			require.NoError(t, err)
			_, err = cut.Exec(t.Context(), []string{"sh", "-c", "cat; echo the input has ended >/ended"}, nil, "", noise(50<<20), io.Discard, nil)
			require.Error(t, err)
			_, err = cut.Exec(t.Context(), []string{"sh", "-c", "head -c 50000000 /dev/zero"}, nil, "", nil, io.Discard, nil)
			require.Error(t, err)
			code, stdout, _ := inSandbox(t, s, "ls /ended 2>/dev/null; ps | grep -c '[h]ead -c'", nil)
			assert.Equal(t, "0\n", stdout)
			assert.Equal(t, 1, code, "grep has found something")
		})
	}
}

func TestClusterSandboxThatDiedSaysWhy(t *testing.T) {
	d, _ := onCluster(t, uniqueNamespace(), func(cfg *Config) { cfg.RunDeadline = 10 * time.Second })
	s := startSandbox(t, d)
	_, err := s.Exec(t.Context(), []string{"sleep", "1000"}, nil, "", nil, nil, nil)
	require.ErrorContains(t, err, ReasonDeadlineExceeded)
	_, err = s.Exec(t.Context(), []string{"true"}, nil, "", nil, nil, nil)
	require.ErrorContains(t, err, ReasonDeadlineExceeded)
	_, err = d.StartSandbox(t.Context(), orchestra.Task{ID: t.Name(), Image: "busybox"})
	require.ErrorContains(t, err, ReasonDeadlineExceeded)
	require.NoError(t, s.Cleanup(t.Context()))
	s = startSandbox(t, d)
	now := int64(0)
	require.NoError(t, d.typed.CoreV1().Pods(d.namespace).Delete(t.Context(), s.ID(), metav1.DeleteOptions{GracePeriodSeconds: &now}))
	_, err = s.Exec(t.Context(), []string{"sleep", "1000"}, nil, "", nil, nil, nil)
	assert.Regexp(t, fmt.Sprintf("%s|%s", ReasonDeleted, ReasonStopping), err)
}

func TestClusterSandboxThatCannotStart(t *testing.T) {
	d, _ := onCluster(t, uniqueNamespace(), func(cfg *Config) { cfg.ProblemDeadline = 5 * time.Second })
	_, err := d.StartSandbox(t.Context(), orchestra.Task{ID: "x", Image: "no-such-image"})
	require.ErrorContains(t, err, ReasonImageNotFound)
	eventually(t, "its pod is gone", func() bool { return len(left(t, d)) == 0 })
}

func TestClusterSandboxesAndTasksDoNotMeet(t *testing.T) {
	d, _ := onCluster(t, uniqueNamespace(), nil)
	s := startSandbox(t, d)
	c := runWithStdin(t, d, nil, "exit 0") // the same ID
	assert.NotEqual(t, s.ID(), c.ID())
	_, err := d.GetContainer(t.Context(), s.ID())
	require.ErrorIs(t, err, orchestra.ErrContainerNotFound)
	_, err = d.GetSandbox(t.Context(), c.ID())
	require.ErrorIs(t, err, orchestra.ErrContainerNotFound)
	found, err := d.GetSandbox(t.Context(), s.ID())
	require.NoError(t, err)
	code, stdout, _ := inSandbox(t, found, "echo found", nil)
	assert.Equal(t, "found\n", stdout)
	assert.Zero(t, code)
}
