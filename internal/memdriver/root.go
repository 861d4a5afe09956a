package memdriver

import (
	"cmp"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

// searchPath is all that a task gets besides its own environment.
const searchPath = "PATH=/usr/local/bin:/usr/bin:/bin"

// environment never holds anything of this process.
func environment(env map[string]string) []string {
	vars := []string{searchPath}
	for _, name := range slices.Sorted(maps.Keys(env)) {
		vars = append(vars, name+"="+env[name]) // the last one of a name counts
	}
	return vars
}

// taskDir makes the task's root: a directory with a link for each mount.
func (s *space) taskDir(task orchestra.Task) (string, error) {
	dir, err := os.MkdirTemp(s.dir, "task-")
	if err != nil {
		return "", err
	}
	if err := s.fill(dir, task); err != nil {
		_ = os.RemoveAll(dir)
		return "", err
	}
	return dir, nil
}

func (s *space) fill(dir string, task orchestra.Task) error {
	mounts := slices.SortedFunc(slices.Values(task.Mounts), func(a, b orchestra.Mount) int { // "a" before "a/b"
		return cmp.Compare(filepath.Clean("/"+a.Target()), filepath.Clean("/"+b.Target()))
	})
	for _, mount := range mounts {
		v, err := s.volume(mount.Name)
		if err != nil {
			return err
		}
		if err := link(v.dir, filepath.Join(dir, mount.Target())); err != nil {
			return fmt.Errorf("mounting volume %q at %q: %w", mount.Name, mount.Target(), err)
		}
	}
	if filepath.IsAbs(task.WorkDir) {
		return nil
	}
	return os.MkdirAll(workDir(dir, task.WorkDir), 0o777) // a container runtime makes it too
}

// link replaces a link that an earlier task has left in the volume around this one.
func link(target, path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	if info, err := os.Lstat(path); err == nil && info.Mode().Type() == fs.ModeSymlink {
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	return os.Symlink(target, path)
}

// workDir places a relative directory under the root.
func workDir(root, dir string) string {
	if filepath.IsAbs(dir) {
		return dir
	}
	return filepath.Join(root, dir)
}
