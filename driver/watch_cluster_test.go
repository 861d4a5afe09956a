package driver

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/orchestra-ci/orchestra-k8s/internal/faultproxy"
	"github.com/orchestra-ci/orchestra-k8s/internal/testcluster"
	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

// TestWatchSurvivesCutsOnTheCluster ends tasks while the connection to a real API server is cut and refused.
func TestWatchSurvivesCutsOnTheCluster(t *testing.T) {
	info := testcluster.ReadInfo(t)
	l := newLab(t, info) // with a connection of its own, to make the pods
	line, cutOff := newCutWatch(t, info.Kubeconfig, l.label)
	require.NoError(t, cutOff.start(testContext(t)))

	var pods []*corev1.Pod
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		pods = append(pods, l.make(t, name, podSpec(t, `containers: [{name: task, command: [sh, -c, sleep 3; exit 7]}]`)).pod)
	}
	for _, pod := range pods {
		ctx, cancel := context.WithTimeout(t.Context(), outcomeTimeout)
		defer cancel()
		line.cut()
		seen, err := l.watch.wait(ctx, pod.UID, func(r record) bool { return r.status.done })
		require.NoError(t, err)
		require.Equal(t, 7, seen.status.exitCode, seen.status.message)
		line.mend()
		cutOff.store.hold(pod.UID)
		cut, err := cutOff.wait(ctx, pod.UID, func(r record) bool { return r.status.done })
		require.NoError(t, err)
		assert.Equal(t, seen.status, cut.status)
	}
	require.NoError(t, cutOff.link.stale())
}

// TestClusterOneWatchServesAllTasks looks at what goes over the wire while many tasks are waited for and asked about.
func TestClusterOneWatchServesAllTasks(t *testing.T) {
	const tasks = 8
	var mu sync.Mutex
	var lists, watches []*http.Request
	gets := 0 // of any one pod
	proxy := faultproxy.Start(t, clusterConfig(t), func(r *http.Request) faultproxy.Fault {
		mu.Lock()
		defer mu.Unlock()
		switch kind := faultproxy.Kind(r); {
		case kind == "WATCH pods":
			watches = append(watches, r)
		case kind == "GET pods" && r.URL.Query().Has("limit"):
			lists = append(lists, r)
		case kind == "GET pods":
			gets++
		}
		return faultproxy.Pass
	})
	d, _ := onCluster(t, uniqueNamespace(), func(cfg *Config) { cfg.RESTConfig = proxy.Config() })
	inParallel(tasks, func(i int) {
		c, err := d.RunContainer(long(t), script(fmt.Sprint("task-", i), "sleep 1; exit 7"))
		if !assert.NoError(t, err) {
			return
		}
		for range 100 {
			_, err := c.Status(long(t))
			assert.NoError(t, err)
		}
		end, err := c.(orchestra.Waiter).Wait(long(t))
		if assert.NoError(t, err) {
			assert.Equal(t, 7, end.ExitCode())
		}
	})
	mu.Lock()
	defer mu.Unlock()
	assert.Zero(t, gets)
	require.Len(t, lists, 1)
	require.Len(t, watches, 1)
	for _, r := range []*http.Request{lists[0], watches[0]} {
		assert.Equal(t, d.selector(), r.URL.Query().Get("labelSelector"))
		assert.True(t, strings.HasPrefix(r.Header.Get("Accept"), runtime.ContentTypeProtobuf), r.Header.Get("Accept"))
	}
	assert.Empty(t, lists[0].URL.Query().Get("resourceVersion"), "the newest state")
	assert.True(t, newer(watches[0].URL.Query().Get("resourceVersion"), "1"), "from the list on: %s", watches[0].URL)
}

// newCutWatch is a watch of the lab's pods over a line that can be cut.
func newCutWatch(t *testing.T, kubeconfig, label string) (*cable, *podWatch) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	require.NoError(t, err)
	server, err := url.Parse(config.Host)
	require.NoError(t, err)
	l := newCable(t, server.Host)
	client := clusterClient(t, kubeconfig, l.address())
	w := newPodWatch(client, "default", "lab="+label, slog.New(slog.DiscardHandler))
	w.limits = deadlines{}
	t.Cleanup(w.close)
	return l, w
}

// cable forwards connections to a server. Cut, it ends those that there are and every new one.
type cable struct {
	listener net.Listener
	server   string
	wg       sync.WaitGroup

	mu    sync.Mutex
	isCut bool
	conns map[net.Conn]bool
}

func newCable(t *testing.T, server string) *cable {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	l := &cable{listener: listener, server: server, conns: map[net.Conn]bool{}}
	l.wg.Go(l.accept)
	t.Cleanup(func() {
		l.cut()
		_ = listener.Close()
		l.wg.Wait()
	})
	return l
}

func (l *cable) address() string { return l.listener.Addr().String() }

func (l *cable) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.isCut = true
	for conn := range l.conns {
		_ = conn.Close()
	}
}

func (l *cable) mend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.isCut = false
}

func (l *cable) accept() {
	for {
		conn, err := l.listener.Accept()
		if err != nil {
			return
		}
		l.wg.Go(func() { l.forward(conn) })
	}
}

func (l *cable) forward(conn net.Conn) {
	defer conn.Close()
	server, err := net.Dial("tcp", l.server)
	if err != nil {
		return
	}
	defer server.Close()
	if !l.keep(conn, server) {
		return
	}
	l.wg.Go(func() {
		_, _ = io.Copy(server, conn)
		_ = server.Close()
	})
	_, _ = io.Copy(conn, server)
}

// keep notes the connections, unless the line is cut.
func (l *cable) keep(conns ...net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, conn := range conns {
		l.conns[conn] = true
	}
	return !l.isCut
}
