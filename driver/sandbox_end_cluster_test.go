package driver

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchestra-ci/orchestra-k8s/internal/testcluster"
	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

// Another process removes a sandbox that it has found, and Close removes those that are in use.
func TestClusterSandboxesAreRemoved(t *testing.T) {
	namespace := uniqueNamespace()
	d, _ := onCluster(t, namespace, nil)
	second, _ := onCluster(t, namespace, nil)
	s := startSandbox(t, d)
	found, err := second.GetSandbox(t.Context(), s.ID())
	require.NoError(t, err)
	require.NoError(t, found.Cleanup(long(t)))
	assert.Empty(t, left(t, d))
	_, err = d.GetSandbox(t.Context(), s.ID())
	require.ErrorIs(t, err, orchestra.ErrContainerNotFound)
	require.NoError(t, s.Cleanup(long(t)))

	s = startSandbox(t, d)
	started, result := &signalWriter{seen: make(chan struct{})}, make(chan error, 1)
	go func() {
		_, err := s.Exec(t.Context(), []string{"sh", "-c", "echo started; sleep 3600"}, nil, "", nil, started, nil)
		result <- err
	}()
	<-started.seen
	require.NoError(t, d.Close())
	require.ErrorIs(t, <-result, ErrClosed)
	assert.Empty(t, left(t, d))
	_, err = second.GetSandbox(t.Context(), s.ID())
	require.ErrorIs(t, err, orchestra.ErrContainerNotFound)
}

// A second process finds a sandbox, runs a command in it and removes it. The first one's handle says that it was deleted, to the command that was
// under way, too, and never means a newer sandbox of the same ID.
func TestClusterSandboxOfAnotherProcess(t *testing.T) {
	t.Parallel()
	namespace := uniqueNamespace()
	d, _ := onCluster(t, namespace, nil)
	s := startSandbox(t, d)
	underWay, result := &signalWriter{seen: make(chan struct{})}, make(chan error, 1)
	go func() {
		_, err := s.Exec(t.Context(), []string{"sh", "-c", "echo started; sleep 3600"}, nil, "", nil, underWay, nil)
		result <- err
	}()
	<-underWay.seen
	found := life{
		Work: "sandbox", Namespace: namespace, Kubeconfig: testcluster.Kubeconfig(t), Stdin: "input\n",
		Task: orchestra.Task{ID: s.ID(), Command: []string{"sh", "-c", `cat; echo "$OWN $NAME in $PWD"; exit 42`}, Env: map[string]string{"NAME": "value"}, WorkDir: "/tmp"},
	}.lead(t)
	assert.Equal(t, 42, found.Code)
	assert.Equal(t, "input\ntask's value in /tmp\n", found.Output)

	require.Regexp(t, "The pod (is being|was) deleted", <-result)
	assert.Empty(t, left(t, d))
	_, err := d.GetSandbox(t.Context(), s.ID())
	require.ErrorIs(t, err, orchestra.ErrContainerNotFound)
	newer := startSandbox(t, d)
	require.Equal(t, s.ID(), newer.ID())
	_, err = s.Exec(t.Context(), []string{"true"}, nil, "", nil, nil, nil)
	require.ErrorContains(t, err, ReasonDeleted)
	require.NoError(t, s.Cleanup(long(t)))
	code, _, _ := inSandbox(t, newer, "exit 3", nil)
	assert.Equal(t, 3, code)
}

// A command that takes more memory than there is was killed, or the whole sandbox was, as control groups of version 2 have it. Both say so, and
// neither speaks of a log, which a command does not have.
func TestClusterSandboxOutOfMemory(t *testing.T) {
	guaranteed := map[string]any{"cpu": "125m", "memory": "32Mi"}
	d, _ := onCluster(t, uniqueNamespace(), func(cfg *Config) { // so that a process may be made a better victim than others
		cfg.Values["requestsPercent"] = 100
		cfg.Values["helper"] = map[string]any{"resources": map[string]any{"limits": guaranteed, "requests": guaranteed}}
	})
	s, err := d.StartSandbox(t.Context(), orchestra.Task{ID: "small", Image: "busybox", ContainerLimits: orchestra.ContainerLimits{CPU: 128, Memory: 32 << 20}})
	require.NoError(t, err)
	end, err := s.Exec(t.Context(), []string{"tail", "-c", "200000000", "/dev/zero"}, nil, "", nil, nil, nil)
	if err == nil {
		assert.Equal(t, 137, end.ExitCode())
		assert.Equal(t, "The command ended with exit code 137. If it was killed for want of memory, raise Task.ContainerLimits.Memory.", end.(status).Message())
		code, _, _ := inSandbox(t, s, "exit 3", nil)
		require.Equal(t, 3, code, "the sandbox goes on")
		_, err = s.Exec(t.Context(), []string{"sh", "-c", "echo 1000 >/proc/1/oom_score_adj; exec dd if=/dev/zero of=/dev/shm/full bs=1M"}, nil, "", nil, nil, nil)
	}
	for range 2 {
		require.ErrorContains(t, err, "it has ended: "+ReasonOOMKilled)
		require.ErrorContains(t, err, advice[ReasonOOMKilled])
		_, err = s.Exec(t.Context(), []string{"true"}, nil, "", nil, nil, nil)
	}
}
