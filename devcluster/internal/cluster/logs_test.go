package cluster

import (
	"context"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestLogsOfAnUnknownComponent(t *testing.T) {
	c := stopped(t)
	require.ErrorContains(t, c.Logs(t.Context(), "etcd", false, io.Discard), "has no logs")
	require.NoError(t, writeFile(c.Log("kubelet"), []byte("hello\n")))
	require.ErrorContains(t, c.Logs(t.Context(), "etcd", false, io.Discard), "there are logs of kubelet")
}

func TestFollowingALogEndsWithTheContext(t *testing.T) {
	c := stopped(t)
	require.NoError(t, writeFile(c.Log("etcd"), []byte("hello\n")))
	ctx, cancel := context.WithCancel(t.Context())
	read, write := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- c.Logs(ctx, "etcd", true, write) }()
	got := make([]byte, 6)
	_, err := io.ReadFull(read, got)
	require.NoError(t, err)
	assert.Equal(t, "hello\n", string(got))
	cancel()
	assert.NoError(t, <-ended)
}
