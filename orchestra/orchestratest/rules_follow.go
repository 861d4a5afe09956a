package orchestratest

import (
	"bytes"
	"context"
	"sync"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var followRules = []rule{
	{
		"follow delivers while the task runs",
		"people watch a build: what the task has written arrives before it goes on, from the first byte to the last, and Logs returns when it has ended.",
		func(s *subject) {
			task, release := s.held("followed")
			container := s.run(task)
			output, ended := s.follow(s.ctx, container)
			output.await(s, "first\n") // it stays with that until the next line
			release()
			require.NoError(s, ended())
			assert.Equal(s, "first\nlast\n", output.String())
			assert.True(s, s.await(container).IsDone())
		},
	},
	{
		"follow may begin before the start",
		"RunContainer returns before the task runs; a caller who follows at once misses nothing, gets nothing twice, and no error.",
		func(s *subject) {
			container := s.run(shell("at-once", "seq 1 1000"))
			stdout, _ := s.logs(container, true)
			assertText(s, countTo(1000), stdout)
		},
	},
	{
		"many may follow",
		"any number of callers follow one task, each gets everything.",
		manyMayFollow,
	},
	{
		"follow ends with its context",
		"a person closes the window: Logs returns, says why, and the task goes on.",
		followEndsWithItsContext,
	},
	{
		"cleanup ends followers",
		"a follower of a task that is removed is not left hanging.",
		func(s *subject) {
			container := s.run(sleeper("removed"))
			output, ended := s.follow(s.ctx, container)
			output.await(s, "started\n")
			require.NoError(s, container.Cleanup(s.ctx))
			assert.NotErrorIs(s, ended(), errNotInTime)
		},
	},
}

func manyMayFollow(s *subject) {
	container := s.run(shell("popular", "seq 1 1000"))
	var outputs [4]bytes.Buffer
	var followers sync.WaitGroup
	for i := range outputs {
		followers.Go(func() { assert.NoError(s, container.Logs(s.ctx, &outputs[i], &outputs[i], true)) })
	}
	followers.Wait()
	for i := range outputs {
		assertText(s, countTo(1000), outputs[i].String())
	}
}

func followEndsWithItsContext(s *subject) {
	container := s.run(sleeper("left-alone"))
	ctx, cancel := context.WithCancel(s.ctx)
	output, ended := s.follow(ctx, container)
	output.await(s, "started\n")
	cancel()
	require.ErrorIs(s, ended(), context.Canceled)
	status, err := container.Status(s.ctx)
	require.NoError(s, err)
	assert.False(s, status.IsDone(), "the task itself goes on")
}
