package driver

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
	"github.com/orchestra-ci/orchestra-k8s/render"
)

func TestRunContainerCostsOneRequest(t *testing.T) {
	s := newAPIServer(t)
	d, _ := openDriver(t, s, "ns", nil)
	c := run(t, d, task("one"))
	assert.Equal(t, []string{"GET /version", "PATCH " + podPath(c)}, s.requests)
}

func TestRunContainerAgainReturnsTheSame(t *testing.T) {
	s := newAPIServer(t)
	d, log := openDriver(t, s, "ns", nil)
	first, again := run(t, d, task("one")), run(t, d, task("one"))
	assert.Equal(t, first.uid, again.uid)
	assert.Equal(t, first.ID(), again.ID())
	assert.Empty(t, log.String())
}

func TestRunContainerWithAnotherSpecKeepsTheExistingAndSaysWhatDiffers(t *testing.T) {
	s := newAPIServer(t)
	d, log := openDriver(t, s, "ns", nil)
	first := run(t, d, task("one"))
	other := task("one")
	other.Image = "alpine"
	other.Mounts = orchestra.Mounts{{Name: "new", Path: "new"}}
	assert.Equal(t, first.uid, run(t, d, other).uid)
	assert.Contains(t, log.String(), "spec.containers[task].image")
	assert.Equal(t, []string{podPath(first)}, s.paths(), "the claim of the version that was not run is removed")
}

func TestManyCallersOfManyDriversGetOnePod(t *testing.T) {
	s := newAPIServer(t)
	one, _ := openDriver(t, s, "ns", nil)
	two, _ := openDriver(t, s, "ns", nil)
	var wg sync.WaitGroup
	containers := make([]orchestra.Container, 20)
	errs := make([]error, len(containers))
	for i := range containers {
		wg.Go(func() { containers[i], errs[i] = []*Driver{one, two}[i%2].RunContainer(t.Context(), task("raced")) })
	}
	wg.Wait()
	for i := range containers {
		require.NoError(t, errs[i])
		assert.Equal(t, containers[0].(*container).uid, containers[i].(*container).uid)
	}
	assert.Len(t, s.paths(), 1)
}

func TestForeignObjectIsNeitherUsedNorTouched(t *testing.T) {
	s := newAPIServer(t)
	d, _ := openDriver(t, s, "ns", nil)
	path := "/api/v1/namespaces/default/pods/" + d.templates.WorkloadName("one")
	foreign := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Pod"}}
	for name, annotations := range map[string]map[string]string{
		"no annotations":    nil,
		"another namespace": {render.KeyNamespace: "other", render.KeyTask: "one"},
		"another task":      {render.KeyNamespace: "ns", render.KeyTask: "two"},
		"also a volume":     {render.KeyNamespace: "ns", render.KeyTask: "one", render.KeyVolume: "v"},
	} {
		t.Run(name, func(t *testing.T) {
			foreign.SetName(d.templates.WorkloadName("one"))
			foreign.SetNamespace("default")
			foreign.SetUID("foreign")
			foreign.SetAnnotations(annotations)
			s.put(path, foreign)
			_, err := d.RunContainer(t.Context(), task("one"))
			var conflict *ForeignError
			require.ErrorAs(t, err, &conflict)
			assert.Contains(t, err.Error(), "Pod/default/"+d.templates.WorkloadName("one"))
			assert.Equal(t, []string{path}, s.paths())
			assert.Zero(t, s.seen(http.MethodDelete, ""))
		})
	}
}

func TestPodBeingDeletedIsWaitedFor(t *testing.T) {
	s := newAPIServer(t)
	d, _ := openDriver(t, s, "ns", nil)
	first := run(t, d, task("one"))
	s.lingers = true
	require.NoError(t, d.delete(t.Context(), first.ref))
	second := make(chan types.UID, 1)
	go func() {
		c, err := d.RunContainer(t.Context(), task("one"))
		if assert.NoError(t, err) {
			second <- c.(*container).uid
		}
		close(second)
	}()
	eventually(t, "the second run looks at the pod", func() bool { return s.seen(http.MethodGet, podPath(first)) > 1 })
	assert.Empty(t, second)
	s.vanish(podPath(first))
	assert.NotEqual(t, first.uid, <-second)
}

func TestPodThatIsNeverGoneIsAnErrorThatSaysWhatHoldsIt(t *testing.T) {
	s := newAPIServer(t)
	d, _ := openDriver(t, s, "ns", func(cfg *Config) {
		cfg.DeletionTimeout = 1
		cfg.Values = map[string]any{"terminationGracePeriodSeconds": 0}
	})
	first := run(t, d, task("one"))
	s.lingers = true
	s.objects[podPath(first)].SetFinalizers([]string{"example.com/never"})
	require.NoError(t, d.delete(t.Context(), first.ref))
	_, err := d.RunContainer(t.Context(), task("one"))
	require.ErrorIs(t, err, errDeletionTimeout)
	d.cfg.DeletionTimeout = patience
	ctx, cancel := context.WithCancel(t.Context())
	looks := s.seen(http.MethodGet, podPath(first))
	failed := make(chan error, 1)
	go func() {
		_, err := d.RunContainer(ctx, task("one"))
		failed <- err
	}()
	eventually(t, "it has looked at what holds the pod", func() bool { return s.seen(http.MethodGet, podPath(first)) > looks+2 })
	cancel()
	err = <-failed
	require.ErrorIs(t, err, context.Canceled)
	assert.ErrorContains(t, err, "example.com/never")
}

func TestLostAnswerIsNoSecondPod(t *testing.T) {
	s := newAPIServer(t)
	d, _ := openDriver(t, s, "ns", withFaults(once(loseAnswer, method(http.MethodPatch))))
	c := run(t, d, task("one"))
	assert.Equal(t, []string{podPath(c)}, s.paths())
	assert.Equal(t, 2, s.seen(http.MethodPatch, podPath(c)))
}

func TestFailedCallLeavesNothing(t *testing.T) {
	mounted := task("one")
	mounted.Mounts = orchestra.Mounts{{Name: "data", Path: "data"}}
	extra := withTemplates(t, map[string]string{"config.yaml": "apiVersion: v1\nkind: ConfigMap\ndata: {a: b}\n"})
	for name, spoil := range map[string]func(*http.Request) fault{
		"every answer arrives":     func(*http.Request) fault { return nil },
		"the claim's gets lost":    once(loseAnswer, func(r *http.Request) bool { return strings.Contains(r.URL.Path, "persistentvolumeclaims") }),
		"the extra object's, too":  once(loseAnswer, func(r *http.Request) bool { return strings.Contains(r.URL.Path, "configmaps") }),
		"the deletion's gets lost": once(loseAnswer, method(http.MethodDelete)),
	} {
		t.Run(name, func(t *testing.T) {
			s := newAPIServer(t)
			s.refused = "/pods/"
			d, _ := openDriver(t, s, "ns", func(cfg *Config) { extra(cfg); withFaults(spoil)(cfg) })
			_, err := d.RunContainer(t.Context(), mounted)
			require.ErrorContains(t, err, "applying Pod/default/")
			assert.Empty(t, s.paths())
		})
	}
}

func TestFailedCallKeepsWhatWasThereBefore(t *testing.T) {
	s := newAPIServer(t)
	d, _ := openDriver(t, s, "ns", nil)
	_, err := d.CreateVolume(t.Context(), "data", 0)
	require.NoError(t, err)
	s.refused = "/pods/"
	mounted := task("one")
	mounted.Mounts = orchestra.Mounts{{Name: "data", Path: "data"}, {Name: "more", Path: "more"}}
	_, err = d.RunContainer(t.Context(), mounted)
	require.Error(t, err)
	assert.Equal(t, []string{"/api/v1/namespaces/default/persistentvolumeclaims/" + d.templates.ClaimName("data")}, s.paths())
}

func TestCancelledCallReturnsAndIsUndoneInTheBackground(t *testing.T) {
	s := newAPIServer(t)
	ctx, cancel := context.WithCancel(t.Context())
	hang := func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
		res, err := next.RoundTrip(req.WithContext(context.WithoutCancel(req.Context()))) // the write arrives
		if err != nil {
			return nil, err
		}
		cancel()
		defer func() { _ = res.Body.Close() }()
		<-req.Context().Done()
		return nil, req.Context().Err()
	}
	d, _ := openDriver(t, s, "ns", withFaults(once(hang, func(r *http.Request) bool { return strings.Contains(r.URL.Path, "/pods/") })))
	mounted := task("one")
	mounted.Mounts = orchestra.Mounts{{Name: "data", Path: "data"}}
	_, err := d.RunContainer(ctx, mounted)
	require.ErrorIs(t, err, context.Canceled)
	eventually(t, "pod and claim are removed", func() bool { return len(s.paths()) == 0 })
}

func TestInvalidTaskReachesNobody(t *testing.T) {
	s := newAPIServer(t)
	d, _ := openDriver(t, s, "ns", nil)
	_, err := d.RunContainer(t.Context(), orchestra.Task{ID: "x", User: "nobody-knows"})
	var invalid *orchestra.InvalidError
	require.ErrorAs(t, err, &invalid)
	_, err = d.CreateVolume(t.Context(), "", -1)
	require.ErrorAs(t, err, &invalid)
	assert.Equal(t, []string{"GET /version"}, s.requests)
}
