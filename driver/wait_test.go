package driver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

// watchedContainer is a container on the fake server, whose pod is as given.
func watchedContainer(t *testing.T, api *fakeAPI, pod string) *container {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	t.Cleanup(func() { cancel(nil) })
	d := &Driver{log: slog.New(slog.DiscardHandler), namespace: "ns", watch: newTestWatch(t, api), ctx: ctx, cancel: cancel}
	d.watch.seed(api.set(readPod(t, pod)))
	return &container{d: d, id: "a", uid: taskA, kind: kindPod}
}

func TestStatusCostsNoRequest(t *testing.T) {
	api := newFakeAPI(t)
	c := watchedContainer(t, api, runningPod)
	for range 1000 {
		s, err := c.Status(testContext(t))
		require.NoError(t, err)
		require.False(t, s.IsDone())
	}
	assert.Equal(t, 1, api.seen(listPods))
	assert.LessOrEqual(t, len(api.requests), 2, "a list and a watch")
}

func TestAThousandIdleTasksAreOneWatch(t *testing.T) {
	const idle = 1000
	s := newAPIServer(t)
	d, _ := openDriver(t, s, "ns", nil)
	ctx, cancel := context.WithCancel(bounded(t))
	var waiting sync.WaitGroup
	inParallel(idle, func(i int) {
		c, err := d.RunContainer(ctx, task(fmt.Sprint("task-", i)))
		if assert.NoError(t, err) {
			waiting.Go(func() {
				_, err := c.(orchestra.Waiter).Wait(ctx)
				assert.ErrorIs(t, err, context.Canceled)
			})
		}
	})
	eventually(t, "all wait", func() bool {
		d.watch.store.mu.Lock()
		defer d.watch.store.mu.Unlock()
		n := 0
		for _, w := range d.watch.store.workloads {
			if w.changed != nil {
				n++
			}
		}
		return n == idle
	})
	assert.Equal(t, 2, s.seen(http.MethodGet, "/pods"), "a list and a watch")
	cancel()
	waiting.Wait()
}

func TestStatusExplainsItself(t *testing.T) {
	api := newFakeAPI(t)
	s, err := watchedContainer(t, api, unschedulablePod).Status(testContext(t))
	require.NoError(t, err)
	require.Implements(t, (*orchestra.Explainer)(nil), s)
	explainer := s.(orchestra.Explainer)
	assert.Equal(t, ReasonInsufficientResources, explainer.Reason())
	assert.Equal(t, "0/1 nodes are available: 1 Insufficient cpu. "+advice[ReasonInsufficientResources], explainer.Message())
}

func TestStatusSaysWhatIsMissingOfTheLog(t *testing.T) {
	api := newFakeAPI(t)
	c := watchedContainer(t, api, completedPod)
	c.head.note(errors.New("no gap"))
	s, err := c.Wait(testContext(t))
	require.NoError(t, err)
	assert.Empty(t, s.(orchestra.Explainer).Message())
	gap := &LogGapError{Object: "Pod/ns/a", Gaps: []LogGap{{After: time.Unix(1, 0).UTC(), Before: time.Unix(2, 0).UTC()}}}
	c.head.note(fmt.Errorf("wrapped: %w", gap))
	for _, ask := range []func(context.Context) (orchestra.ContainerStatus, error){c.Status, c.Wait} {
		s, err := ask(testContext(t))
		require.NoError(t, err)
		assert.Equal(t, "Lines of its log may be missing between 1970-01-01T00:00:01Z and 1970-01-01T00:00:02Z.", s.(orchestra.Explainer).Message())
		assert.Equal(t, ReasonCompleted, s.(orchestra.Explainer).Reason())
		assert.Zero(t, s.ExitCode())
	}
}

func TestWaitReturnsTheEnd(t *testing.T) {
	api := newFakeAPI(t)
	c := watchedContainer(t, api, runningPod)
	result := make(chan orchestra.ContainerStatus, 1)
	go func() {
		s, err := c.Wait(testContext(t))
		assert.NoError(t, err)
		result <- s
	}()
	api.set(readPod(t, failedPod))
	assert.Equal(t, 7, (<-result).ExitCode())
}

func TestWaitOutlastsTheServer(t *testing.T) {
	api := newFakeAPI(t)
	c := watchedContainer(t, api, runningPod)
	_, err := c.Status(testContext(t))
	require.NoError(t, err)
	result := make(chan orchestra.ContainerStatus, 1)
	go func() {
		s, err := c.Wait(testContext(t))
		assert.NoError(t, err)
		result <- s
	}()
	api.answer(http.StatusServiceUnavailable)
	api.cut()
	linkChanges(t, c.d.watch.link, func() bool { return c.d.watch.link.last() != nil })
	api.set(readPod(t, completedPod))
	api.answer(0)
	assert.Equal(t, 0, (<-result).ExitCode())
}

func TestStatusIsAnErrorWhileTheWatchIsCutOff(t *testing.T) {
	api := newFakeAPI(t)
	c := watchedContainer(t, api, runningPod)
	clock := newFakeClock()
	c.d.watch.link.now = clock.now
	_, err := c.Status(testContext(t))
	require.NoError(t, err)

	api.answer(http.StatusServiceUnavailable)
	api.cut()
	linkChanges(t, c.d.watch.link, func() bool { return c.d.watch.link.last() != nil })
	clock.advance(staleAfter)
	_, err = c.Status(testContext(t))
	require.ErrorContains(t, err, "reading the status of Pod/ns/a: not connected for 30s: watching pods")

	c.d.watch.seed(api.set(readPod(t, completedPod)))
	s, err := c.Status(testContext(t))
	require.NoError(t, err, "an end that is known stays known")
	assert.True(t, s.IsDone())
}

func TestWaitAndStatusAfterClose(t *testing.T) {
	api := newFakeAPI(t)
	c := watchedContainer(t, api, runningPod)
	result := make(chan error, 1)
	_, err := c.Status(testContext(t))
	require.NoError(t, err)
	go func() {
		_, err := c.Wait(testContext(t))
		result <- err
	}()
	c.d.cancel(ErrClosed)
	c.d.watch.close()
	require.ErrorIs(t, <-result, ErrClosed)
	_, err = c.Status(testContext(t))
	require.ErrorIs(t, err, ErrClosed)
	_, err = c.Wait(testContext(t))
	require.ErrorIs(t, err, ErrClosed)
}

func TestWaitEndsAtOnceWithItsContext(t *testing.T) {
	api := newFakeAPI(t)
	c := watchedContainer(t, api, runningPod)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := c.Wait(ctx)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, err, "waiting for Pod/ns/a")
}

func TestForgottenTaskIsAnError(t *testing.T) {
	api := newFakeAPI(t)
	c := watchedContainer(t, api, completedPod)
	api.remove("a")
	c.d.watch.forget(taskA)
	_, err := c.Status(testContext(t))
	require.ErrorIs(t, err, errForgotten)
	_, err = c.Wait(testContext(t))
	require.ErrorIs(t, err, errForgotten)
}
