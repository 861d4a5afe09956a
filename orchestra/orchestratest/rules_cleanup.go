package orchestratest

import (
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var cleanupRules = []rule{
	{
		"cleanup removes a container",
		"after Cleanup, of a done task or of a running one, no driver finds the container any more.",
		func(s *subject) {
			done := s.run(shell("done", "true"))
			s.await(done)
			running := s.run(sleeper("running"))
			require.NoError(s, done.Cleanup(s.ctx))
			require.NoError(s, running.Cleanup(s.ctx))
			for _, id := range []string{done.ID(), running.ID()} {
				s.requireNotFound(s.driver, id)
				s.requireNotFound(s.open(s.namespace), id)
			}
		},
	},
	{
		"cleaning up twice is no error",
		"a caller that does not know whether its last attempt got through asks again; so does a second caller that holds the same container.",
		func(s *subject) {
			container := s.run(shell("twice", "true"))
			found, err := s.driver.GetContainer(s.ctx, container.ID())
			require.NoError(s, err)
			require.NoError(s, container.Cleanup(s.ctx))
			assert.NoError(s, container.Cleanup(s.ctx))
			assert.NoError(s, found.Cleanup(s.ctx))
		},
	},
	{
		"cleanup of an old container spares its successor",
		"whoever still holds a container that was cleaned up must not remove the one that has taken its ID since.",
		func(s *subject) {
			old := s.run(sleeper("successor"))
			require.NoError(s, old.Cleanup(s.ctx))
			successor := s.run(sleeper("successor"))
			require.NoError(s, old.Cleanup(s.ctx))
			status, err := successor.Status(s.ctx)
			require.NoError(s, err)
			assert.False(s, status.IsDone())
			_, err = s.driver.GetContainer(s.ctx, successor.ID())
			assert.NoError(s, err)
		},
	},
}
