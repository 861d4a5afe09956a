package driver

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
	"github.com/orchestra-ci/orchestra-k8s/render"
)

func TestTasksOfPodsAndJobs(t *testing.T) {
	t.Parallel()
	namespace := uniqueNamespace()
	d, _ := onCluster(t, namespace, nil)
	jobs, _ := onCluster(t, namespace, func(cfg *Config) { cfg.TemplateDirs = []string{"builtin:job"} })
	other, _ := onCluster(t, uniqueNamespace(), nil)

	failing := task("a pod")
	failing.Command = []string{"sh", "-c", "exit 3"}
	pod, err := d.RunContainer(t.Context(), failing)
	require.NoError(t, err)
	job, err := jobs.RunContainer(t.Context(), task("a job"))
	require.NoError(t, err)
	for _, c := range []orchestra.Container{pod, job} {
		_, err := c.(orchestra.Waiter).Wait(t.Context())
		require.NoError(t, err)
	}

	tasks, err := d.Tasks(t.Context())
	require.NoError(t, err)
	require.Len(t, tasks, 2)
	for i, want := range []TaskInfo{
		{ID: "a job", Container: job.ID(), Role: render.RoleTask, Kind: "Job", ExitCode: 0, Reason: ReasonCompleted},
		{ID: "a pod", Container: pod.ID(), Role: render.RoleTask, Kind: "Pod", ExitCode: 3, Reason: ReasonError},
	} {
		got := tasks[i]
		assert.Equal(t, want, TaskInfo{ID: got.ID, Container: got.Container, Role: got.Role, Kind: got.Kind, ExitCode: got.ExitCode, Reason: got.Reason})
		assert.True(t, got.Done)
		assert.Equal(t, "default", got.Namespace)
		assert.Equal(t, "busybox", got.Image)
		assert.NotEmpty(t, got.Node)
		for _, at := range []time.Time{got.Created, got.Scheduled, got.Started, got.Finished} {
			assert.WithinRange(t, at, got.Created, time.Now().Add(time.Minute))
		}
		inspected, err := d.InspectTask(t.Context(), got.ID)
		require.NoError(t, err)
		assert.Equal(t, got, inspected)
		events, err := d.TaskEvents(t.Context(), got)
		require.NoError(t, err)
		assert.NotEmpty(t, events)
		found, err := d.FindTask(t.Context(), got.ID)
		require.NoError(t, err)
		assert.Equal(t, want.Container, found.ID())
		live, err := d.LiveWorkload(t.Context(), got.ID)
		require.NoError(t, err)
		assert.Equal(t, want.Kind, live.GetKind())
	}

	tasks, err = other.Tasks(t.Context())
	require.NoError(t, err)
	assert.Empty(t, tasks, "of another Orchestra namespace")
	_, err = other.FindTask(t.Context(), "a pod")
	assert.ErrorIs(t, err, orchestra.ErrContainerNotFound)
	_, err = d.InspectTask(t.Context(), "no such task")
	assert.ErrorIs(t, err, orchestra.ErrContainerNotFound)
}

func TestWatchTasksShowsChangesAndRemovals(t *testing.T) {
	t.Parallel()
	d, _ := onCluster(t, uniqueNamespace(), nil)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	shown, ended := make(chan []TaskInfo, 100), make(chan error, 1)
	go func() { ended <- d.WatchTasks(ctx, func(tasks []TaskInfo) { shown <- tasks }) }()
	await := func(what string, cond func([]TaskInfo) bool) {
		deadline := time.After(2 * time.Minute)
		for {
			select {
			case tasks := <-shown:
				if cond(tasks) {
					return
				}
			case <-deadline:
				require.FailNow(t, "never shown: "+what)
			}
		}
	}
	await("nothing", func(tasks []TaskInfo) bool { return len(tasks) == 0 })
	c, err := d.RunContainer(t.Context(), task("watched"))
	require.NoError(t, err)
	await("its end", func(tasks []TaskInfo) bool { return len(tasks) == 1 && tasks[0].Reason == ReasonCompleted })
	require.NoError(t, c.Cleanup(t.Context()))
	await("its removal", func(tasks []TaskInfo) bool { return len(tasks) == 0 })
	stop()
	assert.NoError(t, <-ended)
}

func TestVolumesAndDisconnect(t *testing.T) {
	t.Parallel()
	namespace := uniqueNamespace()
	d, _ := onCluster(t, namespace, nil)
	leaving, _ := onCluster(t, namespace, nil)
	_, err := leaving.CreateVolume(t.Context(), "Data!", 2<<30)
	require.NoError(t, err)
	leaving.Disconnect()
	_, err = leaving.Tasks(t.Context())
	assert.ErrorIs(t, err, ErrClosed)

	volumes, err := d.Volumes(t.Context())
	require.NoError(t, err)
	require.Len(t, volumes, 1)
	assert.Equal(t, "Data!", volumes[0].Name)
	assert.Equal(t, "2Gi", volumes[0].Requested)
	assert.Equal(t, []string{"ReadWriteOnce"}, volumes[0].AccessModes)
	require.NoError(t, d.Volume(volumes[0]).Cleanup(t.Context()))
	volumes, err = d.Volumes(t.Context())
	require.NoError(t, err)
	assert.Empty(t, volumes)
}

func TestTaskInfoPartsMessageAndHint(t *testing.T) {
	t.Parallel()
	info := TaskInfo{}.withStatus(ended(ReasonOOMKilled, exitKilled, "The kernel said so"))
	assert.Equal(t, "The kernel said so.", info.Message)
	assert.Equal(t, advice[ReasonOOMKilled], info.Hint)
	info = TaskInfo{}.withStatus(ended(ReasonCompleted, 0, "All is well"))
	assert.Equal(t, "All is well.", info.Message)
	assert.Empty(t, info.Hint)
}
