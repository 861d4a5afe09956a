package orchestratest

import (
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var findRules = []rule{
	{
		"a container is found by its ID",
		"a caller keeps the ID and comes back later, also from another process: the container is there with its status and its logs.",
		func(s *subject) {
			container := s.run(shell("kept", "echo kept; exit 3"))
			assert.NotEmpty(s, container.ID())
			s.await(container)
			later := s.open(s.namespace)
			found, err := later.GetContainer(s.ctx, container.ID())
			require.NoError(s, err)
			assert.Equal(s, container.ID(), found.ID())
			assert.Equal(s, 3, s.await(found).ExitCode())
			stdout, _ := s.logs(found, true)
			assert.Equal(s, "kept\n", stdout)
		},
	},
	{
		"another driver runs the same task",
		"idempotency is the namespace's, not that of one driver's memory.",
		func(s *subject) {
			task := shell("shared", "od -An -N8 -tx1 /dev/urandom") // what nobody could know who has not run it
			container := s.run(task)
			again, err := s.open(s.namespace).RunContainer(s.ctx, task)
			require.NoError(s, err)
			assert.Equal(s, container.ID(), again.ID())
			assert.Equal(s, s.succeeded(container), s.succeeded(again))
		},
	},
	{
		"unknown containers are not found",
		"callers tell \"it is gone\" from \"the backend is down\" by ErrContainerNotFound.",
		func(s *subject) {
			for _, id := range []string{"unknown", "", "no/such container\n", "../../pods"} {
				s.requireNotFound(s.driver, id)
			}
		},
	},
	{
		"namespaces do not meet",
		"the same task ID and volume name in another namespace are another task and another volume.",
		namespacesDoNotMeet,
	},
	{
		"the driver has a name",
		"messages and configurations name the driver, and the name does not depend on the namespace.",
		func(s *subject) {
			assert.NotEmpty(s, s.driver.Name())
			assert.Equal(s, s.driver.Name(), s.open(newNamespace()).Name())
		},
	},
}

func namespacesDoNotMeet(s *subject) {
	mine := s.write("same-id", "same-volume")
	other := &subject{TB: s.TB, ctx: s.ctx, open: s.open, namespace: newNamespace()}
	other.driver = s.open(other.namespace)

	s.requireNotFound(other.driver, mine.ID())
	assert.Empty(s, other.list("same-volume"))
	assert.Equal(s, "other\n", other.succeed(shell("same-id", "echo other")))
	assert.Equal(s, "same-id\n", s.read("same-volume"))
}
