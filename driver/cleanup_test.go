package driver

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

const configMap = "apiVersion: v1\nkind: ConfigMap\ndata: {a: b}\n"

func TestCleanupOfAPlainTaskCostsOneRequest(t *testing.T) {
	s := newAPIServer(t)
	d, _ := openDriver(t, s, "ns", nil)
	c := run(t, d, task("one"))
	_, err := c.Status(bounded(t)) // starts the watch, which serves all tasks
	require.NoError(t, err)
	eventually(t, "list and watch have begun", func() bool { return s.seen(http.MethodGet, "/pods") == 2 })
	require.NoError(t, c.Cleanup(bounded(t)))
	assert.Equal(t, "DELETE "+podPath(c), s.requests[len(s.requests)-1])
	assert.Len(t, s.requests, 5, "version, apply, list, watch, delete")
	assert.Empty(t, s.paths())
}

func TestCleanupTwiceAndFromASecondProcess(t *testing.T) {
	s := newAPIServer(t)
	d, _ := openDriver(t, s, "ns", nil)
	c := run(t, d, task("one"))
	other, _ := openDriver(t, s, "ns", nil)
	found, err := other.GetContainer(t.Context(), c.ID())
	require.NoError(t, err)
	require.NoError(t, found.Cleanup(bounded(t)))
	require.NoError(t, c.Cleanup(bounded(t)))
	require.NoError(t, c.Cleanup(bounded(t)))
	_, err = d.GetContainer(t.Context(), c.ID())
	require.ErrorIs(t, err, orchestra.ErrContainerNotFound)
}

func TestCleanupWaitsUntilThePodIsGone(t *testing.T) {
	s := newAPIServer(t)
	d, _ := openDriver(t, s, "ns", nil)
	c := run(t, d, task("one"))
	s.lingers = true
	done := make(chan error, 1)
	go func() { done <- c.Cleanup(bounded(t)) }()
	eventually(t, "the pod's deletion is asked for", func() bool { return s.seen(http.MethodDelete, podPath(c)) > 0 })
	assert.Empty(t, done)
	s.vanish(podPath(c))
	require.NoError(t, <-done)
}

func TestCleanupThatTakesTooLongSaysWhatIsLeft(t *testing.T) {
	s := newAPIServer(t)
	d, _ := openDriver(t, s, "ns", nil)
	c := run(t, d, task("one"))
	s.lingers = true
	s.objects[podPath(c)].SetFinalizers([]string{"example.com/never"})
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	err := c.Cleanup(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	assert.Contains(t, err.Error(), "Pod/default/"+c.ID())
	assert.Contains(t, err.Error(), "example.com/never")
}

func TestCleanupRemovesExtraObjects(t *testing.T) {
	s := newAPIServer(t)
	d, _ := openDriver(t, s, "ns", withTemplates(t, map[string]string{"config.yaml": configMap}))
	one, two := run(t, d, task("one")), run(t, d, task("two"))
	require.Len(t, s.paths(), 4)
	other, _ := openDriver(t, s, "ns", nil) // without that template: the pod's annotation says what to look for
	found, err := other.GetContainer(t.Context(), one.ID())
	require.NoError(t, err)
	require.NoError(t, found.Cleanup(bounded(t)))
	require.Len(t, s.paths(), 2)
	require.NoError(t, two.Cleanup(bounded(t)))
	assert.Empty(t, s.paths())
}

func TestCleanupOfAnOldHandleSparesTheNewTask(t *testing.T) {
	s := newAPIServer(t)
	d, _ := openDriver(t, s, "ns", withTemplates(t, map[string]string{"config.yaml": configMap}))
	cleaned := run(t, d, task("one"))
	other, _ := openDriver(t, s, "ns", nil)
	found, err := other.GetContainer(t.Context(), cleaned.ID())
	require.NoError(t, err)
	old := found.(*container)
	old.created = metav1.NewTime(old.created.Add(-time.Minute)) // the server's clock has seconds
	require.NoError(t, cleaned.Cleanup(bounded(t)))
	newer := run(t, d, task("one"))
	require.NotEqual(t, cleaned.uid, newer.uid)
	for name, c := range map[string]*container{"has cleaned up": cleaned, "of another process": old} {
		require.NoError(t, c.Cleanup(bounded(t)))
		assert.Len(t, s.paths(), 2, name)
	}
}

func TestWaitReturnsWhenSomeoneCleansUp(t *testing.T) {
	s := newAPIServer(t)
	d, _ := openDriver(t, s, "ns", nil)
	c := run(t, d, task("one"))
	_, err := c.Status(bounded(t))
	require.NoError(t, err)
	done := make(chan orchestra.ContainerStatus, 1)
	go func() {
		got, err := c.Wait(bounded(t))
		assert.NoError(t, err)
		done <- got
	}()
	waitsFor(t, d.watch, c.uid)
	require.NoError(t, c.Cleanup(bounded(t)))
	if got := <-done; assert.NotNil(t, got) {
		assert.True(t, got.IsDone())
		assert.NotZero(t, got.ExitCode())
	}
}

func TestCleanedUpTasksCostNoMemory(t *testing.T) {
	s := newAPIServer(t)
	d, _ := openDriver(t, s, "ns", nil)
	for i := range 20 {
		c := run(t, d, task(fmt.Sprint("task-", i)))
		_, err := c.Status(bounded(t))
		require.NoError(t, err)
		require.NoError(t, c.Cleanup(bounded(t)))
		_, err = c.Status(bounded(t))
		require.ErrorIs(t, err, errForgotten)
		_, err = c.Wait(bounded(t))
		require.ErrorIs(t, err, errForgotten)
		require.ErrorIs(t, c.Logs(bounded(t), io.Discard, io.Discard, true), errLogGone)
	}
	assert.Empty(t, d.watch.store.workloads)
}

// A task that goes before anybody asks for its status has ended all the same.
func TestTaskThatIsDeletedBeforeTheFirstStatus(t *testing.T) {
	s := newAPIServer(t)
	d, _ := openDriver(t, s, "ns", nil)
	require.NoError(t, d.watch.start(bounded(t)))
	c := run(t, d, task("one"))
	s.vanish(podPath(c))
	got, err := c.Wait(bounded(t))
	require.NoError(t, err)
	assert.Equal(t, ReasonDeleted, got.(status).Reason())
	assert.Equal(t, 125, got.ExitCode())
}

// waitsFor returns when somebody waits for the workload's next change.
func waitsFor(t *testing.T, w *podWatch, workload types.UID) {
	t.Helper()
	eventually(t, "somebody waits", func() bool {
		w.store.mu.Lock()
		defer w.store.mu.Unlock()
		return w.store.workloads[workload].changed != nil
	})
}

func TestVolumes(t *testing.T) {
	s := newAPIServer(t)
	d, _ := openDriver(t, s, "ns", nil)
	one, err := d.CreateVolume(t.Context(), "data", 1<<20)
	require.NoError(t, err)
	again, err := d.CreateVolume(t.Context(), "data", 1<<30)
	require.NoError(t, err)
	assert.Equal(t, one.(*volume).ref, again.(*volume).ref)
	assert.Equal(t, "data", one.Name())
	assert.Len(t, s.paths(), 1)
	require.NoError(t, one.Cleanup(bounded(t)))
	require.NoError(t, again.Cleanup(bounded(t)))
	assert.Empty(t, s.paths())
}

func TestGetContainer(t *testing.T) {
	s := newAPIServer(t)
	d, _ := openDriver(t, s, "ns", nil)
	c := run(t, d, task("one"))
	found, err := d.GetContainer(t.Context(), c.ID())
	require.NoError(t, err)
	assert.Equal(t, c.ID(), found.ID())
	stranger, _ := openDriver(t, s, "other", nil)
	for name, get := range map[string]func() (orchestra.Container, error){
		"another namespace": func() (orchestra.Container, error) { return stranger.GetContainer(t.Context(), c.ID()) },
		"unknown":           func() (orchestra.Container, error) { return d.GetContainer(t.Context(), "unknown") },
		"empty":             func() (orchestra.Container, error) { return d.GetContainer(t.Context(), "") },
		"no name":           func() (orchestra.Container, error) { return d.GetContainer(t.Context(), "../secrets/x") },
	} {
		t.Run(name, func(t *testing.T) {
			_, err := get()
			require.ErrorIs(t, err, orchestra.ErrContainerNotFound)
		})
	}
}
