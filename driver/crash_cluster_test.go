package driver

import (
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchestra-ci/orchestra-k8s/internal/faultproxy"
	"github.com/orchestra-ci/orchestra-k8s/internal/testcluster"
	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

// crash is a task whose driver is killed, and what must come out in the end all the same.
type crash struct {
	life   life
	output string
	code   int
	// doubt: a task whose input a dead process had begun to send may have read half of it, and is then no success.
	doubt bool
}

var crashes = map[string]crash{
	"plain":              {life: crashing("echo begin; sleep 0.3; echo end; exit 7"), output: "begin\nend\n", code: 7},
	"until it is closed": {life: closing(crashing("echo end; exit 7")), output: "end\n", code: 7},
	"volume": {
		life:   mounting(crashing("echo text >data/file && cat data/file; exit 7")),
		output: "text\n", code: 7,
	},
	"Job":    {life: with(crashing("echo end; exit 7"), "builtin:job"), output: "end\n", code: 7},
	"Secret": {life: with(crashing(`echo "$TOKEN"; exit 7`), "builtin:secret-env"), output: "secret\n", code: 7},
	"stdin":  {life: fed(crashing("cat")), output: "input\n", doubt: true},
	"copies": {life: closing(life{Work: "copy"}), output: "text\n"},
}

func crashing(script string) life {
	return life{Task: orchestra.Task{
		ID: "crash", Image: "busybox", Command: []string{"sh", "-c", script}, Env: map[string]string{"TOKEN": "secret"},
	}}
}

func closing(l life) life {
	l.Close = true
	return l
}

func mounting(l life) life {
	l.Task.Mounts = orchestra.Mounts{{Name: "data", Path: "data"}}
	return l
}

func with(l life, templates ...string) life {
	l.Templates = templates
	return l
}

func fed(l life) life {
	l.Stdin = "input\n"
	return l
}

// TestClusterKilledAtEveryCall kills the driver's process at every request that it makes, when the API server has done its work and before the
// process hears of it; at a request that changes something also before the API server has seen it. Then another process runs the same
// task, or copies the same: there is one pod, with the right end, and nothing is left.
func TestClusterKilledAtEveryCall(t *testing.T) {
	for name, c := range crashes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			calls := c.countCalls(t)
			t.Logf("%d calls: %q", len(calls), calls)
			for n, kind := range calls {
				if changes(kind) {
					t.Run(fmt.Sprintf("before call %d", n+1), func(t *testing.T) {
						t.Parallel()
						c.check(t, n, func(*faultproxy.Exchange) {})
					})
				}
				t.Run(fmt.Sprintf("after call %d", n+1), func(t *testing.T) {
					t.Parallel()
					c.check(t, n, (*faultproxy.Exchange).Forward)
				})
			}
		})
	}
}

func changes(kind string) bool {
	return !strings.HasPrefix(kind, http.MethodGet) && !strings.HasPrefix(kind, "WATCH") || strings.HasSuffix(kind, "/attach") || strings.HasSuffix(kind, "/exec")
}

// countCalls leads the life to its end and returns the requests that it took.
func (c crash) countCalls(t *testing.T) (kinds []string) {
	l := c.life
	l.Namespace = uniqueNamespace()
	seen := make(chan string, 1000)
	l.Kubeconfig = faultproxy.Start(t, clusterConfig(t), func(r *http.Request) faultproxy.Fault {
		seen <- faultproxy.Kind(r)
		return faultproxy.Pass
	}).Kubeconfig(t)
	c.verify(t, l.lead(t))
	close(seen)
	for kind := range seen {
		kinds = append(kinds, kind)
	}
	return kinds
}

// check kills the process at its n-th call and lets another one finish.
func (c crash) check(t *testing.T, n int, how func(*faultproxy.Exchange)) {
	l := c.life
	l.Namespace = uniqueNamespace()
	d, _ := onCluster(t, l.Namespace, nil)
	l.killAt(t, n, how)
	l.Kubeconfig = testcluster.Kubeconfig(t)
	c.verify(t, l.lead(t))
	assert.Empty(t, left(t, d, secretKind))
}

// killAt leads a life that is ended at its n-th call.
func (l life) killAt(t *testing.T, n int, how func(*faultproxy.Exchange)) {
	t.Helper()
	var calls atomic.Int64
	ready, killed := make(chan *exec.Cmd, 1), make(chan string, 1)
	proxy := faultproxy.Start(t, clusterConfig(t), func(r *http.Request) faultproxy.Fault {
		if calls.Add(1) != int64(n+1) {
			return faultproxy.Pass
		}
		return faultproxy.Fault{Name: "kill", Do: func(x *faultproxy.Exchange) {
			how(x)
			cmd := <-ready
			killed <- faultproxy.Kind(r)
			_ = cmd.Process.Kill()
			x.Reset()
		}}
	})
	l.Kubeconfig = proxy.Kubeconfig(t)
	cmd, _, stderr := l.process(t)
	require.NoError(t, cmd.Start())
	ready <- cmd
	err := cmd.Wait()
	select {
	case kind := <-killed:
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit)
		require.False(t, exit.Exited(), "it was to be killed at %s, and ended by itself: %s", kind, stderr)
		t.Logf("killed at %s", kind)
	default:
		require.NoError(t, err, "%s", stderr) // this time it made fewer calls
	}
}

func (c crash) verify(t *testing.T, got report) {
	t.Helper()
	if c.life.Work == "" {
		assert.Len(t, got.Pods, 1)
	}
	if c.doubt && got.Reason == ReasonStdinIncomplete {
		assert.Equal(t, exitNone, got.Code)
		t.Logf("in doubt: %s", got.Message)
		return
	}
	assert.Equal(t, c.code, got.Code, "%s: %s", got.Reason, got.Message)
	assert.Equal(t, c.output, got.Output)
}
