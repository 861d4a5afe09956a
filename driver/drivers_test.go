package driver

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

// logBuffer is a log that tests can read while it is written.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// openDriver opens a driver on the in-memory server; change may alter its Config. Its retries are quick.
func openDriver(t *testing.T, s *apiServer, namespace string, change func(*Config)) (*Driver, *logBuffer) {
	t.Helper()
	log := &logBuffer{}
	cfg := Config{Namespace: namespace, RESTConfig: s.config()}
	if change != nil {
		change(&cfg)
	}
	d, err := New(t.Context(), cfg, newTextLogger(log))
	require.NoError(t, err)
	d.retry.first, d.retry.last = time.Millisecond, 10*time.Millisecond
	t.Cleanup(func() {
		d.retry.budget = 0
		d.shut()
		d.watch.close()
		d.disconnect()
	})
	return d, log
}

// withTemplates adds a layer of the files, by name.
func withTemplates(t *testing.T, files map[string]string) func(*Config) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	return func(cfg *Config) { cfg.TemplateDirs = append(cfg.TemplateDirs, dir) }
}

// faults is a transport that spoils requests. spoil decides for each request: nil to let it pass.
type faults struct {
	next  http.RoundTripper
	spoil func(*http.Request) fault
}

// fault takes the place of a round trip.
type fault func(next http.RoundTripper, req *http.Request) (*http.Response, error)

func (f *faults) RoundTrip(req *http.Request) (*http.Response, error) {
	if spoil := f.spoil(req); spoil != nil {
		return spoil(f.next, req)
	}
	return f.next.RoundTrip(req)
}

// WrappedRoundTripper lets client-go find the connections below.
func (f *faults) WrappedRoundTripper() http.RoundTripper { return f.next }

// withFaults puts faults below everything that the driver adds.
func withFaults(spoil func(*http.Request) fault) func(*Config) {
	return func(cfg *Config) {
		cfg.RESTConfig.Wrap(func(next http.RoundTripper) http.RoundTripper { return &faults{next: next, spoil: spoil} })
	}
}

// once spoils the first request that matches.
func once(f fault, matches func(*http.Request) bool) func(*http.Request) fault {
	var done sync.Once
	return func(req *http.Request) (spoiled fault) {
		if matches(req) {
			done.Do(func() { spoiled = f })
		}
		return spoiled
	}
}

func method(name string) func(*http.Request) bool {
	return func(req *http.Request) bool { return req.Method == name }
}

// loseAnswer lets the server do its work and breaks the connection before the answer.
func loseAnswer(next http.RoundTripper, req *http.Request) (*http.Response, error) {
	res, err := next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	_, err = io.Copy(io.Discard, res.Body)
	return nil, errors.Join(io.ErrUnexpectedEOF, err, res.Body.Close())
}

// answerWith answers in the server's place.
func answerWith(code int, header http.Header, body string) fault {
	return func(_ http.RoundTripper, req *http.Request) (*http.Response, error) {
		answered := http.Header{"Content-Type": {"application/json"}}
		maps.Copy(answered, header)
		return &http.Response{StatusCode: code, Header: answered, Body: io.NopCloser(bytes.NewBufferString(body)), Request: req}, nil
	}
}

func task(id string) orchestra.Task {
	return orchestra.Task{ID: id, Image: "busybox", Command: []string{"true"}}
}

func run(t *testing.T, d *Driver, task orchestra.Task) *container {
	t.Helper()
	c, err := d.RunContainer(t.Context(), task)
	require.NoError(t, err)
	return c.(*container)
}

func podPath(c *container) string { return "/api/v1/namespaces/default/pods/" + c.ID() }

// eventually waits for a state.
func eventually(t *testing.T, what string, state func() bool) {
	t.Helper()
	require.Eventually(t, state, patience, 5*time.Millisecond, what)
}

// bounded is a context that lasts as long as a test may take.
func bounded(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func newTextLogger(log *logBuffer) *slog.Logger { return slog.New(slog.NewTextHandler(log, nil)) }

func countLines(text string) int { return strings.Count(text, "\n") }
