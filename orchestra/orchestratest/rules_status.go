package orchestratest

import (
	"context"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

var statusRules = []rule{
	{
		"a running task is not done",
		"callers poll Status until IsDone: it is false while the task runs, and true for good afterwards.",
		runningIsNotDone,
	},
	{
		"wait returns at the end",
		"a container that is an orchestra.Waiter returns the final status, at once if the task has ended already, and gives up with its context.",
		waitReturnsAtTheEnd,
	},
	{
		"the context of RunContainer bounds only the call",
		"a caller that gives RunContainer a timeout does not want it for the task.",
		func(s *subject) {
			task, release := s.held("outlives")
			ctx, cancel := context.WithCancel(s.ctx)
			container, err := s.driver.RunContainer(ctx, task)
			cancel()
			require.NoError(s, err)
			release()
			assert.Equal(s, "first\nlast\n", s.succeeded(container))
		},
	},
}

func runningIsNotDone(s *subject) {
	task, release := s.held("running")
	container := s.run(task)
	output, ended := s.follow(s.ctx, container)
	output.await(s, "first\n")

	status, err := container.Status(s.ctx)
	require.NoError(s, err)
	assert.False(s, status.IsDone(), "the task waits for its standard input")

	release()
	assert.Zero(s, s.poll(container).ExitCode())
	assert.Zero(s, s.poll(container).ExitCode(), "asked again")
	require.NoError(s, ended())
}

func waitReturnsAtTheEnd(s *subject) {
	task, release := s.held("waited-for")
	waiter, ok := s.run(task).(orchestra.Waiter)
	if !ok {
		s.Log("the container is no orchestra.Waiter")
		return
	}
	ctx, cancel := context.WithCancel(s.ctx)
	cancel()
	_, err := waiter.Wait(ctx)
	require.ErrorIs(s, err, context.Canceled)

	release()
	for range 2 {
		status, err := waiter.Wait(s.ctx)
		require.NoError(s, err)
		assert.True(s, status.IsDone())
		assert.Zero(s, status.ExitCode(), explain(status))
	}
}
