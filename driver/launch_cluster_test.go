package driver

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
	"github.com/orchestra-ci/orchestra-k8s/render"
)

// sleeper is a task that runs until it is ended.
func sleeper(id string) orchestra.Task {
	return orchestra.Task{ID: id, Image: "busybox", Command: []string{"sleep", "3600"}}
}

func object(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	obj := &unstructured.Unstructured{}
	require.NoError(t, yaml.Unmarshal([]byte(text), &obj.Object))
	return obj
}

// The whole driver stands on this: an apply with a resource version that never was creates, and changes nothing.
func TestClusterCreateNeverChangesAnObject(t *testing.T) {
	d, _ := onCluster(t, uniqueNamespace(), nil)
	for kind, text := range map[string]string{
		"Pod":                   "{apiVersion: v1, kind: Pod, spec: {containers: [{name: task, image: busybox, command: [sleep, '3600']}]}}",
		"PersistentVolumeClaim": "{apiVersion: v1, kind: PersistentVolumeClaim, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}}",
		"Job":                   "{apiVersion: batch/v1, kind: Job, spec: {suspend: true, template: {spec: {restartPolicy: Never, containers: [{name: task, image: busybox}]}}}}",
		"Secret":                "{apiVersion: v1, kind: Secret, stringData: {a: b}}",
		"NetworkPolicy":         "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, spec: {podSelector: {}}}",
	} {
		t.Run(kind, func(t *testing.T) {
			obj := object(t, text)
			obj.SetName(uniqueNamespace())
			obj.SetNamespace(d.namespace)
			created, err := d.create(t.Context(), obj)
			require.NoError(t, err)
			t.Cleanup(func() { assert.NoError(t, d.delete(context.WithoutCancel(t.Context()), refOf(created))) })
			assert.NotEmpty(t, created.GetUID())
			obj.SetLabels(map[string]string{"changed": "yes"})
			_, err = d.create(t.Context(), obj)
			require.True(t, apierrors.IsConflict(err), "%v", err)
			live, err := d.look(t.Context(), refOf(created))
			require.NoError(t, err)
			assert.Equal(t, created.GetUID(), live.GetUID())
			assert.NotContains(t, live.GetLabels(), "changed")
		})
	}
}

func TestClusterRefusesWhatATemplateGotWrongAtOnce(t *testing.T) {
	d, log := onCluster(t, uniqueNamespace(), nil)
	for name, c := range map[string]struct{ spec, want string }{
		"misspelt field":   {"{contaners: [], containers: [{name: task, image: busybox}]}", "contaners"},
		"env name twice":   {"{containers: [{name: task, image: busybox, env: [{name: A}, {name: A}]}]}", "duplicate entries"},
		"missing field":    {"{containers: [{name: task}]}", "image"},
		"of another type":  {"{containers: [{name: task, image: busybox, stdin: maybe}]}", "stdin"},
		"priority unknown": {"{priorityClassName: nobody-made-this, containers: [{name: task, image: busybox}]}", "nobody-made-this"},
	} {
		t.Run(name, func(t *testing.T) {
			obj := object(t, "{apiVersion: v1, kind: Pod, spec: "+c.spec+"}")
			obj.SetName(uniqueNamespace())
			obj.SetNamespace(d.namespace)
			_, err := d.newLaunch().ensure(t.Context(), obj)
			require.ErrorContains(t, err, c.want)
			require.ErrorContains(t, err, "Pod/"+d.namespace+"/"+obj.GetName())
			assert.NotContains(t, log.String(), "trying again")
		})
	}
}

func TestClusterManyCallersGetOnePod(t *testing.T) {
	namespace := uniqueNamespace()
	one, log := onCluster(t, namespace, nil)
	two, _ := onCluster(t, namespace, nil)
	raced := sleeper("raced")
	raced.Mounts = orchestra.Mounts{{Name: "data", Path: "data"}}
	var wg sync.WaitGroup
	containers := make([]orchestra.Container, 20)
	errs := make([]error, len(containers))
	for i := range containers {
		wg.Go(func() { containers[i], errs[i] = []*Driver{one, two}[i%2].RunContainer(t.Context(), raced) })
	}
	wg.Wait()
	for i := range containers {
		require.NoError(t, errs[i])
		assert.Equal(t, containers[0].(*container).uid, containers[i].(*container).uid)
	}
	assert.Len(t, left(t, one), 2, "a pod and a claim")
	assert.Empty(t, log.String())
}

func TestClusterForeignPodIsNotTouched(t *testing.T) {
	d, _ := onCluster(t, uniqueNamespace(), nil)
	foreign := object(t, "{apiVersion: v1, kind: Pod, spec: {containers: [{name: other, image: busybox, command: [sleep, '3600']}]}}")
	foreign.SetName(d.templates.WorkloadName("one"))
	foreign.SetNamespace(d.namespace)
	created, err := d.create(t.Context(), foreign)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, d.delete(context.WithoutCancel(t.Context()), refOf(created))) })
	_, err = d.RunContainer(t.Context(), sleeper("one"))
	var conflict *ForeignError
	require.ErrorAs(t, err, &conflict)
	_, err = d.GetContainer(t.Context(), foreign.GetName())
	require.ErrorIs(t, err, orchestra.ErrContainerNotFound)
	require.NoError(t, d.Close())
	live, err := d.look(t.Context(), refOf(created))
	require.NoError(t, err)
	assert.Equal(t, created.GetUID(), live.GetUID())
	assert.Nil(t, live.GetDeletionTimestamp())
}

func TestClusterPodBeingDeletedIsWaitedFor(t *testing.T) {
	d, _ := onCluster(t, uniqueNamespace(), func(cfg *Config) { cfg.Values["terminationGracePeriodSeconds"] = 5 })
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	first := run(t, d, sleeper("one"))
	require.NoError(t, d.watch.start(ctx))
	_, err := d.watch.wait(ctx, first.uid, func(r record) bool { return r.stage == stageRunning })
	require.NoError(t, err)
	require.NoError(t, d.delete(ctx, first.ref))
	dying, err := d.look(ctx, first.ref)
	require.NoError(t, err)
	require.NotNil(t, dying.GetDeletionTimestamp())
	second, err := d.RunContainer(ctx, sleeper("one"))
	require.NoError(t, err)
	assert.NotEqual(t, first.uid, second.(*container).uid)
	assert.Equal(t, first.ID(), second.ID())
}

func TestClusterAnotherSpecKeepsTheExisting(t *testing.T) {
	d, log := onCluster(t, uniqueNamespace(), nil)
	first := run(t, d, sleeper("one"))
	same := run(t, d, sleeper("one"))
	assert.Equal(t, first.uid, same.uid)
	assert.Empty(t, log.String())
	other := sleeper("one")
	other.Command, other.ContainerLimits.CPU = []string{"true"}, 2048
	assert.Equal(t, first.uid, run(t, d, other).uid)
	assert.Contains(t, log.String(), "spec.containers[task].command,")
	assert.Contains(t, log.String(), "spec.containers[task].resources.limits.cpu")
}

// What differs is asked of an object that the server has filled with defaults and written in its own way.
func TestClusterDefaultsAreNoDifference(t *testing.T) {
	d, _ := onCluster(t, uniqueNamespace(), nil)
	limited := sleeper("one")
	limited.ContainerLimits = orchestra.ContainerLimits{CPU: 1024, Memory: 64 << 20}
	limited.Env = map[string]string{"EMPTY": "", "A": "b"}
	limited.User = "1000:1000"
	limited.Mounts = orchestra.Mounts{{Name: "data", Path: "data"}}
	rendered, err := d.templates.Task(limited, render.RoleTask)
	require.NoError(t, err)
	c := run(t, d, limited)
	live, err := d.look(t.Context(), c.ref)
	require.NoError(t, err)
	assert.Empty(t, differences(rendered.Workload.Object["spec"], live.Object["spec"], "spec"))
}
