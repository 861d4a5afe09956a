package driver

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
	"github.com/orchestra-ci/orchestra-k8s/render"
)

func TestCloseRemovesEverythingOfItsNamespaceAndNothingElse(t *testing.T) {
	s := newAPIServer(t)
	extra := withTemplates(t, map[string]string{"config.yaml": configMap})
	d, _ := openDriver(t, s, "ns", nil)
	dead, _ := openDriver(t, s, "ns", extra) // another process, with other templates
	stranger, _ := openDriver(t, s, "other", extra)
	mounted := task("one")
	mounted.Mounts = orchestra.Mounts{{Name: "data", Path: "data"}}
	run(t, d, mounted)
	run(t, dead, task("two"))
	kept := run(t, stranger, mounted)
	require.NoError(t, d.Close())
	left := s.paths()
	assert.Len(t, left, 3)
	assert.Contains(t, left, podPath(kept))
	for _, path := range left {
		assert.Equal(t, "other", s.objects[path].GetAnnotations()[render.KeyNamespace])
	}
}

func TestCloseSparesAnObjectThatOnlyHasTheLabel(t *testing.T) {
	s := newAPIServer(t)
	d, _ := openDriver(t, s, "ns", nil)
	c := run(t, d, task("one"))
	collision := s.objects[podPath(c)].DeepCopy()
	collision.SetAnnotations(map[string]string{render.KeyNamespace: "NS, whose label happens to be the same"})
	path := "/api/v1/namespaces/default/pods/collision"
	s.put(path, collision)
	require.NoError(t, d.Close())
	assert.Equal(t, []string{path}, s.paths())
}

func TestAfterClose(t *testing.T) {
	s := newAPIServer(t)
	d, _ := openDriver(t, s, "ns", nil)
	c := run(t, d, task("one"))
	v, err := d.CreateVolume(t.Context(), "data", 0)
	require.NoError(t, err)
	require.NoError(t, d.Close())
	before := len(s.requests)
	require.NoError(t, d.Close())
	require.NoError(t, c.Cleanup(t.Context()))
	require.NoError(t, v.Cleanup(t.Context()))
	for name, call := range map[string]func() error{
		"RunContainer":   func() error { _, err := d.RunContainer(t.Context(), task("two")); return err },
		"GetContainer":   func() error { _, err := d.GetContainer(t.Context(), c.ID()); return err },
		"FindTask":       func() error { _, err := d.FindTask(t.Context(), "one"); return err },
		"LiveWorkload":   func() error { _, err := d.LiveWorkload(t.Context(), "one"); return err },
		"InspectTask":    func() error { _, err := d.InspectTask(t.Context(), "one"); return err },
		"TaskEvents":     func() error { _, err := d.TaskEvents(t.Context(), TaskInfo{Kind: kindPod, Pod: c.ID()}); return err },
		"Tasks":          func() error { _, err := d.Tasks(t.Context()); return err },
		"WatchTasks":     func() error { return d.WatchTasks(t.Context(), func([]TaskInfo) {}) },
		"DryRun":         func() error { return d.DryRun(t.Context(), task("two")) },
		"CreateVolume":   func() error { _, err := d.CreateVolume(t.Context(), "more", 0); return err },
		"Volumes":        func() error { _, err := d.Volumes(t.Context()); return err },
		"CopyToVolume":   func() error { return d.CopyToVolume(t.Context(), "data", strings.NewReader("")) },
		"CopyFromVolume": func() error { _, err := d.CopyFromVolume(t.Context(), "data"); return err },
		"StartSandbox":   func() error { _, err := d.StartSandbox(t.Context(), task("two")); return err },
		"GetSandbox":     func() error { _, err := d.GetSandbox(t.Context(), c.ID()); return err },
		"FindSandbox":    func() error { _, err := d.FindSandbox(t.Context(), "one"); return err },
		"Sweep":          func() error { _, err := d.Sweep(t.Context(), shortestSweep); return err },
		"Status":         func() error { _, err := c.Status(t.Context()); return err },
		"Wait":           func() error { _, err := c.Wait(t.Context()); return err },
		"Logs":           func() error { return c.Logs(t.Context(), io.Discard, io.Discard, true) },
		"SplitsLogs":     func() error { _, err := c.SplitsLogs(t.Context()); return err },
	} {
		t.Run(name, func(t *testing.T) { require.ErrorIs(t, call(), ErrClosed) })
	}
	assert.Len(t, s.requests, before)
}

func TestCloseWithoutANetworkFailsAndMayBeRepeated(t *testing.T) {
	s := newAPIServer(t)
	var cut atomic.Bool
	d, _ := openDriver(t, s, "ns", withFaults(func(*http.Request) fault {
		if cut.Load() {
			return func(http.RoundTripper, *http.Request) (*http.Response, error) { return nil, syscall.ECONNREFUSED }
		}
		return nil
	}))
	c := run(t, d, task("one"))
	d.retry.budget = 0
	cut.Store(true)
	require.ErrorIs(t, d.Close(), syscall.ECONNREFUSED)
	_, err := d.RunContainer(t.Context(), task("two"))
	require.ErrorIs(t, err, ErrClosed)
	cut.Store(false)
	assert.Equal(t, []string{podPath(c)}, s.paths())
	require.NoError(t, d.Close())
	assert.Empty(t, s.paths())
}

func TestCloseWaitsForLaunchesUnderWay(t *testing.T) {
	s := newAPIServer(t)
	arrived, proceed := make(chan struct{}), make(chan struct{})
	slow := func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
		close(arrived)
		<-proceed
		return next.RoundTrip(req.WithContext(context.WithoutCancel(req.Context()))) // it was on its way already
	}
	d, _ := openDriver(t, s, "ns", withFaults(once(slow, method(http.MethodPatch))))
	launched := make(chan error, 1)
	go func() {
		_, err := d.RunContainer(t.Context(), task("one"))
		launched <- err
	}()
	<-arrived
	closed := make(chan error, 1)
	go func() { closed <- d.Close() }()
	<-d.ctx.Done()
	close(proceed)
	require.NoError(t, <-closed)
	if err := <-launched; err != nil { // or the pod was accepted before Close removed it
		require.ErrorIs(t, err, ErrClosed)
	}
	assert.Empty(t, s.paths())
}

func TestCloseInterruptsLaunchesUnderWay(t *testing.T) {
	s := newAPIServer(t)
	arrived := make(chan struct{})
	hang := func(_ http.RoundTripper, req *http.Request) (*http.Response, error) {
		close(arrived)
		<-req.Context().Done()
		return nil, req.Context().Err()
	}
	d, _ := openDriver(t, s, "ns", withFaults(once(hang, method(http.MethodPatch))))
	launched := make(chan error, 1)
	go func() {
		_, err := d.RunContainer(t.Context(), task("one"))
		launched <- err
	}()
	<-arrived
	require.NoError(t, d.Close())
	require.ErrorIs(t, <-launched, ErrClosed)
}

func TestNamespaceTemplateIsAppliedOnceAndRemovedByClose(t *testing.T) {
	s := newAPIServer(t)
	d, _ := openDriver(t, s, "ns", func(cfg *Config) { cfg.TemplateDirs = []string{"builtin:dedicated-namespace"} })
	c := run(t, d, task("one"))
	run(t, d, task("two"))
	assert.Equal(t, 1, s.seen(http.MethodPatch, "/namespaces/"+d.namespace))
	assert.Equal(t, d.namespace, c.ref.namespace)
	require.NoError(t, d.Close())
	assert.Empty(t, s.paths())
}

func TestCloseKeepsANamespaceThatOthersUse(t *testing.T) {
	s := newAPIServer(t)
	d, _ := openDriver(t, s, "ns", func(cfg *Config) { cfg.TemplateDirs = []string{"builtin:dedicated-namespace"} })
	c := run(t, d, task("one"))
	foreign := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Pod"}}
	foreign.SetName("foreign")
	foreign.SetNamespace(c.ref.namespace)
	path := "/api/v1/namespaces/" + c.ref.namespace + "/pods/foreign"
	s.put(path, foreign)
	err := d.Close()
	require.ErrorContains(t, err, "Pod/"+c.ref.namespace+"/foreign")
	assert.Contains(t, s.paths(), path)
	assert.Contains(t, s.paths(), "/api/v1/namespaces/"+d.namespace)
}

func TestNoPermissionForJobsIsNoErrorForPods(t *testing.T) {
	forbidden := answerWith(http.StatusForbidden, nil, `{"apiVersion":"v1","kind":"Status","status":"Failure","code":403,"reason":"Forbidden","message":"cannot list resource \"jobs\""}`)
	refuseJobs := withFaults(func(req *http.Request) fault {
		if strings.Contains(req.URL.Path, "/jobs") {
			return forbidden
		}
		return nil
	})
	s := newAPIServer(t)
	d, _ := openDriver(t, s, "ns", refuseJobs)
	c := run(t, d, task("one"))
	_, err := d.GetContainer(t.Context(), c.ID())
	require.NoError(t, err)
	_, err = d.GetContainer(t.Context(), "unknown")
	require.ErrorIs(t, err, orchestra.ErrContainerNotFound)
	require.NoError(t, d.Close())
	assert.Empty(t, s.paths())

	jobs, _ := openDriver(t, s, "ns", func(cfg *Config) { cfg.TemplateDirs = []string{"builtin:job"}; refuseJobs(cfg) })
	require.ErrorContains(t, jobs.Close(), `cannot list resource "jobs"`)
}
