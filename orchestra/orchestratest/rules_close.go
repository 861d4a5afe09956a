package orchestratest

import (
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var closeRules = []rule{
	{
		"close removes everything of its namespace",
		"Close is the safety net under forgotten Cleanups: running tasks, done ones, those of another driver, and volumes with their data.",
		closeRemovesEverything,
	},
	{
		"close leaves other namespaces alone",
		"namespaces keep users apart; one who leaves must not stop the others' tasks.",
		func(s *subject) {
			running := s.run(sleeper("neighbour"))
			s.write("writer", "volume")
			other := s.open(s.namespace + "-2") // a name that begins with the neighbour's
			_, err := other.RunContainer(s.ctx, sleeper("neighbour"))
			require.NoError(s, err)
			require.NoError(s, other.Close())

			_, err = s.driver.GetContainer(s.ctx, running.ID())
			require.NoError(s, err)
			status, err := running.Status(s.ctx)
			require.NoError(s, err)
			assert.False(s, status.IsDone(), explain(status))
			assert.Equal(s, "writer\n", s.read("volume"))
		},
	},
	{
		"closing twice is no error",
		"a deferred Close after an explicit one is common.",
		func(s *subject) {
			s.succeed(shell("task", "true"))
			require.NoError(s, s.driver.Close())
			assert.NoError(s, s.driver.Close())
		},
	},
	{
		"closing an unused driver is no error",
		"a program may find out late that it has nothing to run.",
		func(s *subject) { assert.NoError(s, s.open(newNamespace()).Close()) },
	},
}

func closeRemovesEverything(s *subject) {
	done := s.write("done", "volume")
	running := s.run(sleeper("running"))
	foreign, err := s.open(s.namespace).RunContainer(s.ctx, sleeper("foreign"))
	require.NoError(s, err)
	require.NoError(s, s.driver.Close())

	s.driver = s.open(s.namespace)
	for _, id := range []string{done.ID(), running.ID(), foreign.ID()} {
		s.requireNotFound(s.driver, id)
	}
	assert.Empty(s, s.list("volume"), "the volume is a new one")
}
