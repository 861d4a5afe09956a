package orchestratest

import (
	"strings"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

var directoryRules = []rule{
	{
		"mounts lie in the default working directory",
		"a task that mounts \"data\", \"./data\" or \"/data\" finds it as ./data, whatever the backend's own paths are.",
		func(s *subject) {
			for id, path := range map[string]string{"relative": "data", "dotted": "./data", "absolute": "/data", "slashed": "data/"} {
				task := shell(id, "echo "+id+" >data/file && cat ./data/file")
				task.Mounts = orchestra.Mounts{{Name: "volume-" + id, Path: path}}
				assert.Equal(s, id+"\n", s.succeed(task), "the path is %q", path)
			}
		},
	},
	{
		"an absolute working directory is the container's",
		"a WorkDir that begins with a slash is taken as it is, as in any container runtime.",
		func(s *subject) {
			task := shell("absolute", "pwd")
			task.WorkDir = "/usr"
			assert.Equal(s, "/usr\n", s.succeed(task))
		},
	},
	{
		"a relative working directory lies under the task's root",
		"WorkDir \"data/inner\" is where the mount \"data\" is, so that a task can begin inside of its volume; a directory that does not exist is made.",
		relativeWorkDir,
	},
	{
		"a task starts in a directory that it can use",
		"the default working directory exists and takes files.",
		func(s *subject) {
			root := strings.TrimSuffix(s.succeed(shell("default", "pwd")), "\n")
			assert.True(s, strings.HasPrefix(root, "/"), root)
			assert.Equal(s, "x\n", s.succeed(shell("writes", "echo x >file && cat file")))
		},
	},
}

func relativeWorkDir(s *subject) {
	task := shell("inside", "echo inside >file && pwd")
	task.Mounts = orchestra.Mounts{{Name: "volume", Path: "/data"}}
	task.WorkDir = "data/inner"
	pwd := s.succeed(task)
	require.True(s, strings.HasSuffix(pwd, "/inner\n"), pwd)

	reader := shell("outside", "cat data/inner/file")
	reader.Mounts = task.Mounts
	assert.Equal(s, "inside\n", s.succeed(reader), "the directory is in the volume")
}
