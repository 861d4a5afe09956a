package driver

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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

// A command that takes more memory than there is was killed, or the whole sandbox was, as control groups of version 2 have it.
func TestClusterSandboxOutOfMemory(t *testing.T) {
	d, _ := onCluster(t, uniqueNamespace(), nil)
	s, err := d.StartSandbox(t.Context(), orchestra.Task{ID: "small", Image: "busybox", ContainerLimits: orchestra.ContainerLimits{Memory: 32 << 20}})
	require.NoError(t, err)
	end, err := s.Exec(t.Context(), []string{"tail", "-c", "200000000", "/dev/zero"}, nil, "", nil, nil, nil)
	if err != nil {
		require.ErrorContains(t, err, ReasonOOMKilled)
		return
	}
	assert.Equal(t, 137, end.ExitCode())
}
