package driver

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// logServer answers requests for the log of one ended container, as API servers and kubelets of several kinds do, and for its pod.
type logServer struct {
	probe  func(http.ResponseWriter)                // the answer to a stream that does not exist
	stream func(w http.ResponseWriter, name string) // the answer to others
	probes atomic.Int64
}

func (s *logServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !strings.HasSuffix(r.URL.Path, "/log") {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "fake", "uid": "1"}}`)
		return
	}
	switch name := r.URL.Query().Get("stream"); name {
	case "Probe":
		s.probes.Add(1)
		s.probe(w)
	default:
		s.stream(w, name)
	}
}

const (
	stdoutLog = "2026-05-04T03:02:01.000000001Z out 1\n2026-05-04T03:02:01.000000003Z out 2\n"
	stderrLog = "2026-05-04T03:02:01.000000002Z err 1\n2026-05-04T03:02:01.000000004Z err 2\n"
	mergedLog = "2026-05-04T03:02:01.000000001Z out 1\n2026-05-04T03:02:01.000000002Z err 1\n" +
		"2026-05-04T03:02:01.000000003Z out 2\n2026-05-04T03:02:01.000000004Z err 2\n"
)

func invalid(kind, text string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusUnprocessableEntity)
		fmt.Fprintf(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Invalid","code":422,"message":%q,
			"details":{"causes":[{"reason":%q,"message":%q,"field":"stream"}]}}`, text, kind, text)
	}
}

func splitLog(w http.ResponseWriter, name string) {
	text := map[string]string{"": mergedLog, "Stdout": stdoutLog, "Stderr": stderrLog}[name]
	fmt.Fprint(w, text)
}

func mergedOnly(w http.ResponseWriter, _ string) { fmt.Fprint(w, mergedLog) }

// gateOff is what the API server makes of a kubelet's refusal.
func gateOff(w http.ResponseWriter, name string) {
	if name != "" {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"BadRequest","code":400,"message":
			"unable to return the given log stream: \"Stdout\". Please enable PodLogsQuerySplitStreams feature gate in kubelet"}`)
		return
	}
	fmt.Fprint(w, mergedLog)
}

func (s *logServer) task(t *testing.T) *logTask {
	t.Helper()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return endedTask(t, &rest.Config{Host: server.URL, QPS: -1, Transport: &http.Transport{DisableKeepAlives: true}})
}

// endedTask is a task of a server.
func endedTask(t *testing.T, config *rest.Config) *logTask {
	t.Helper()
	typed, err := kubernetes.NewForConfig(config)
	require.NoError(t, err)
	log := newTextLogger(&logBuffer{})
	d := &Driver{typed: typed, namespace: "default", log: log, now: time.Now, retry: newRetry(log), watch: newPodWatch(typed, "default", "", log)}
	t.Cleanup(d.watch.close)
	ended := make(chan struct{})
	close(ended)
	return &logTask{d: d, pod: podID{"fake", "1"}, node: "node", object: "Pod/default/fake", head: &logHead{}, ended: ended}
}

func TestStreamsAreSplitWhereTheServerSplits(t *testing.T) {
	unwrap := func(text string) string {
		var lines strings.Builder
		for line := range strings.Lines(text) {
			lines.WriteString(line[len("2026-05-04T03:02:01.000000001Z "):])
		}
		return lines.String()
	}
	supported := invalid("FieldValueNotSupported", `Unsupported value: "Probe"`)
	for name, test := range map[string]struct {
		server      *logServer
		out, stderr string
	}{
		"both know it":                   {&logServer{probe: supported, stream: splitLog}, stdoutLog, stderrLog},
		"the API server must not":        {&logServer{probe: invalid("FieldValueForbidden", "may not be specified"), stream: mergedOnly}, mergedLog, ""},
		"the API server is too old":      {&logServer{probe: func(w http.ResponseWriter) { fmt.Fprint(w, "x") }, stream: mergedOnly}, mergedLog, ""},
		"the node must not":              {&logServer{probe: supported, stream: gateOff}, mergedLog, ""},
		"the node is too old to know it": {&logServer{probe: supported, stream: mergedOnly}, mergedLog, ""},
	} {
		t.Run(name, func(t *testing.T) {
			task := test.server.task(t)
			for _, task.follow = range []bool{true, false, true} {
				var out, stderr bytes.Buffer
				require.NoError(t, task.deliver(t.Context(), &out, &stderr))
				assert.Equal(t, unwrap(test.out), out.String())
				assert.Equal(t, unwrap(test.stderr), stderr.String())
				var both bytes.Buffer
				require.NoError(t, task.deliver(t.Context(), &both, &both))
				assert.Equal(t, unwrap(mergedLog), both.String(), "one writer for both keeps the order")
			}
			assert.Equal(t, int64(1), test.server.probes.Load())
			split, err := task.splits(t.Context())
			require.NoError(t, err)
			assert.Equal(t, test.stderr != "", split, "it is known how the log was delivered")
		})
	}
}

func TestWriterErrorOfOneStreamEndsBoth(t *testing.T) {
	server := &logServer{probe: invalid("FieldValueNotSupported", "no"), stream: splitLog}
	full := errors.New("no space left on device")
	err := server.task(t).deliver(t.Context(), &bytes.Buffer{}, failingWriter{full})
	require.ErrorIs(t, err, full)
	assert.EqualError(t, err, "reading the log of Pod/default/fake: writing the log: no space left on device")
}

// silentServer is a connection to an API server that does not answer.
type silentServer struct{}

func (silentServer) RoundTrip(req *http.Request) (*http.Response, error) {
	<-req.Context().Done()
	return nil, req.Context().Err()
}

// The caller has no deadline, and gets an answer: to the question whether streams are split, too, which a server before 1.32 hands to the node.
func TestLogsThatNobodyAnswersAreGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		task := endedTask(t, &rest.Config{Host: "http://cluster.invalid", Transport: silentServer{}})
		began := time.Now()
		err := task.deliver(t.Context(), &bytes.Buffer{}, &bytes.Buffer{})
		require.ErrorContains(t, err, "reading the log of Pod/default/fake: asking for separate streams: no answer within 1m0s")
		assert.LessOrEqual(t, time.Since(began), time.Minute)

		task.d.logStreams.known, task.d.logStreams.split = true, true
		split, err := task.splits(t.Context())
		require.NoError(t, err)
		assert.True(t, split, "the readers will meet the same silence")
		assert.LessOrEqual(t, time.Since(began), 2*time.Minute)

		began = time.Now()
		task.d.ctx = t.Context()
		c := &container{d: task.d, uid: "1", ref: podRef("default", "fake")}
		require.ErrorContains(t, c.Logs(t.Context(), &bytes.Buffer{}, nil, false), "reading the log of Pod/default/fake: context deadline exceeded")
		_, err = c.SplitsLogs(t.Context())
		require.ErrorContains(t, err, "asking how Pod/default/fake is read: context deadline exceeded")
		assert.LessOrEqual(t, time.Since(began), 2*time.Minute)
	})
}
