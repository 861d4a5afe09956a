package orchestratest

import (
	"errors"
	"strings"
	"sync"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

var againRules = []rule{
	{
		"running again returns the same container",
		"a caller that does not know whether its last attempt got through asks again: the task runs once, also when many ask at the same time or after its end.",
		runsOnce,
	},
	{
		"running again does not read stdin",
		"the container has its standard input already; a second reader is left alone.",
		func(s *subject) {
			task := shell("fed", "cat")
			task.Stdin = strings.NewReader("input")
			first := s.run(task)
			task.Stdin = iotest.ErrReader(errors.New("must not be read"))
			again := s.run(task)
			assert.Equal(s, first.ID(), again.ID())
			assert.Equal(s, "input", s.succeeded(again))
		},
	},
	{
		"a task may run anew after cleanup",
		"Cleanup frees the ID: the same task is then a new one, with an output of its own.",
		func(s *subject) {
			task := shell("anew", "echo run >>data/runs; wc -l <data/runs")
			task.Mounts = orchestra.Mounts{{Name: "counter", Path: "data"}}
			for _, want := range []string{"1", "2"} {
				container := s.run(task)
				assert.Equal(s, want, strings.TrimSpace(s.succeeded(container)))
				require.NoError(s, container.Cleanup(s.ctx))
			}
		},
	},
	{
		"different IDs are different tasks",
		"IDs that look alike once they are made into names of a backend do not meet.",
		func(s *subject) {
			ids := []string{"build/1", "build-1", "Build-1", "build_1", "build-1-", strings.Repeat("long", 100), strings.Repeat("long", 100) + "!", "日本", "ü"}
			seen := map[string]string{}
			for _, id := range ids {
				container := s.run(shell(id, "echo "+id))
				assert.NotContains(s, seen, container.ID(), "task %q has the container of %q", id, seen[container.ID()])
				seen[container.ID()] = id
				assert.Equal(s, id+"\n", s.succeeded(container))
			}
		},
	},
}

func runsOnce(s *subject) {
	task := shell("once", "echo run >>data/runs; echo ran")
	task.Mounts = orchestra.Mounts{{Name: "counter", Path: "data"}}
	var ids [4]string
	var callers sync.WaitGroup
	for i := range ids {
		callers.Go(func() {
			container, err := s.driver.RunContainer(s.ctx, task)
			if assert.NoError(s, err) {
				ids[i] = container.ID()
			}
		})
	}
	callers.Wait()
	require.False(s, s.Failed())
	container, err := s.driver.GetContainer(s.ctx, ids[0])
	require.NoError(s, err)
	s.succeeded(container)

	last := s.run(task)
	for _, id := range ids {
		assert.Equal(s, last.ID(), id)
	}
	assert.Equal(s, "ran\n", s.succeeded(last))
	assert.Equal(s, "run\n", s.inVolume("count", "counter", "cat data/runs"))
}
