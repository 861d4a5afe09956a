package orchestratest

import (
	"path/filepath"
	"strings"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

var volumeRules = []rule{
	{
		"two tasks share a volume",
		"what one task has written, another one that mounts the same name reads, at a path of its own; another name is another volume.",
		func(s *subject) {
			s.write("writer", "shared")
			reader := shell("reader", "cat in/put/file; test ! -e other/file")
			reader.Mounts = orchestra.Mounts{{Name: "shared", Path: "in/put"}, {Name: "other", Path: "other"}}
			assert.Equal(s, "writer\n", s.succeed(reader))
		},
	},
	{
		"a created volume is the mounted one",
		"CreateVolume and a mount of that name mean one volume, and Volume.Name is that name.",
		func(s *subject) {
			volume := s.volume("created")
			assert.Equal(s, "created", volume.Name())
			s.write("writer", "created")
			assert.Equal(s, "writer\n", s.read(volume.Name()))
		},
	},
	{
		"a volume's path is where tasks see it",
		"a caller that has a Volume need not invent a path for it, whatever its name: a mount without one is found at Volume.Path.",
		func(s *subject) {
			task := shell("seer", `for path in "$@"; do cd "$path" && echo seen >file && cd - >/dev/null; done; ls -d */file | wc -l`)
			task.Command = append(task.Command, "sh")
			for _, name := range []string{"plain", "Build/Cache #1", "..", "-rf", strings.Repeat("long", 70)} {
				path := s.volume(name).Path()
				assert.True(s, filepath.IsLocal(path), "%q is relative, and within the task's root", path)
				task.Mounts, task.Command = append(task.Mounts, orchestra.Mount{Name: name}), append(task.Command, path)
			}
			assert.Equal(s, "5", strings.TrimSpace(s.succeed(task)))
		},
	},
	{
		"creating a volume again keeps it",
		"a caller that does not know whether its last attempt got through asks again, and no data is lost.",
		func(s *subject) {
			s.volume("kept")
			s.write("writer", "kept")
			assert.Equal(s, "kept", s.volume("kept").Name())
			assert.Equal(s, "writer\n", s.read("kept"))
		},
	},
	{
		"cleaning a volume up removes its data",
		"after Cleanup the name is free; cleaning up twice is no error.",
		func(s *subject) {
			volume := s.volume("removed")
			writer := s.write("writer", "removed")
			require.NoError(s, writer.Cleanup(s.ctx)) // a backend may keep a volume as long as a container has it
			require.NoError(s, volume.Cleanup(s.ctx))
			require.NoError(s, volume.Cleanup(s.ctx), "the second time")
			assert.Empty(s, s.list("removed"))
		},
	},
	{
		"volumes outlive their tasks",
		"cleaning a task up leaves what it has produced.",
		func(s *subject) {
			writer := s.write("writer", "result")
			require.NoError(s, writer.Cleanup(s.ctx))
			assert.Equal(s, "writer\n", s.read("result"))
		},
	},
	{
		"names of volumes are free",
		"a volume's name is the caller's own text, as a task's ID is.",
		func(s *subject) {
			s.write("upper", "Build/Cache #1")
			s.write("lower", "build-cache--1")
			assert.Equal(s, "upper\n", s.read("Build/Cache #1"))
		},
	},
}

func (s *subject) volume(name string) orchestra.Volume {
	s.Helper()
	volume, err := s.driver.CreateVolume(s.ctx, name, 0)
	require.NoError(s, err, "creating volume %q", name)
	return volume
}

// write runs a task that writes its ID into a file of the volume.
func (s *subject) write(id, volume string) orchestra.Container {
	s.Helper()
	task := shell(id, "echo "+id+" >data/file")
	task.Mounts = orchestra.Mounts{{Name: volume, Path: "data"}}
	container := s.run(task)
	s.succeeded(container)
	return container
}

// read runs a task that reads what write has written.
func (s *subject) read(volume string) string {
	s.Helper()
	return s.inVolume("reader", volume, "cat data/file")
}

// list runs a task that lists the files of a volume. lost+found, which fresh file systems have, does not count.
func (s *subject) list(volume string) string {
	s.Helper()
	return s.inVolume("lister", volume, "ls -A data | grep -v '^lost+found$' || true")
}

func (s *subject) inVolume(id, volume, script string) string {
	s.Helper()
	task := shell(id, script)
	task.Mounts = orchestra.Mounts{{Name: volume, Path: "data"}}
	return s.succeed(task)
}
