package orchestratest

import (
	"context"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

var invalidRules = []rule{
	{
		"bad tasks are refused with all problems",
		"a person corrects a task once, not once per mistake: the error names every field that is wrong.",
		badTasksAreRefused,
	},
	{
		"a refused task leaves nothing behind",
		"its ID is as free as before.",
		func(s *subject) {
			bad := shell("corrected", "echo bad")
			bad.User = "no such user"
			bad.Mounts = orchestra.Mounts{{Name: "volume", Path: "data"}}
			_, err := s.driver.RunContainer(s.ctx, bad)
			require.Error(s, err)
			assert.Equal(s, "good\n", s.succeed(shell("corrected", "echo good")))
		},
	},
	{
		"bad volumes are refused",
		"a volume needs a name, and a size that is not negative.",
		func(s *subject) {
			for name, size := range map[string]int{"": 0, "negative": -1, "nul\x00": 0, "\xff": 0} {
				_, err := s.driver.CreateVolume(s.ctx, name, size)
				var invalid *orchestra.InvalidError
				assert.ErrorAs(s, err, &invalid, "%q of size %d", name, size)
			}
		},
	},
	{
		"an ended context ends the call",
		"a call whose caller has gone does nothing and says why.",
		func(s *subject) {
			ctx, cancel := context.WithCancel(s.ctx)
			cancel()
			_, err := s.driver.RunContainer(ctx, shell("late", "true"))
			require.ErrorIs(s, err, context.Canceled)
			_, err = s.driver.CreateVolume(ctx, "late", 0)
			assert.ErrorIs(s, err, context.Canceled)
		},
	},
}

func badTasksAreRefused(s *subject) {
	bad := orchestra.Task{
		Image:           "Not An Image",
		Command:         []string{"sh", "nul\x00"},
		Env:             map[string]string{"A=B": "", "": "", "INVALID": "\xff"},
		Mounts:          orchestra.Mounts{{Name: "a", Path: "../up"}, {Name: "a", Path: "data"}, {Name: "", Path: "/data", SizeGB: -1}},
		ContainerLimits: orchestra.ContainerLimits{CPU: -1, Memory: -1},
		User:            "0x0",
		WorkDir:         "..",
	}
	_, err := s.driver.RunContainer(s.ctx, bad)
	var invalid *orchestra.InvalidError
	require.ErrorAs(s, err, &invalid)
	for _, field := range []string{
		"ID", "Image", "Command[1]", `Env["A=B"]`, `Env[""]`, `Env["INVALID"]`, "Mounts[0].Path", "Mounts[1].Name", "Mounts[2].Name", "Mounts[2].Path",
		"Mounts[2].SizeGB", "ContainerLimits.CPU", "ContainerLimits.Memory", "User", "WorkDir",
	} {
		assert.ErrorContains(s, err, field)
	}
}
