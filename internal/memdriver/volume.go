package memdriver

import (
	"context"
	"fmt"
	"os"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

// volume is a directory.
type volume struct {
	namespace, name string
	dir             string
}

var _ orchestra.Volume = (*volume)(nil)

// volume returns the volume of that name, new if need be.
func (s *space) volume(name string) (*volume, error) {
	if existing := s.volumes[name]; existing != nil {
		return existing, nil
	}
	dir, err := os.MkdirTemp(s.dir, "volume-")
	if err != nil {
		return nil, fmt.Errorf("making a directory for volume %q: %w", name, err)
	}
	s.volumes[name] = &volume{namespace: s.namespace, name: name, dir: dir}
	return s.volumes[name], nil
}

func (v *volume) Name() string { return v.name }

// Path is relative to a task's root.
func (v *volume) Path() string { return orchestra.VolumePath(v.name) }

func (v *volume) Cleanup(context.Context) error {
	backend.Lock()
	if space := backend.spaces[v.namespace]; space != nil && space.volumes[v.name] == v {
		delete(space.volumes, v.name)
	}
	backend.Unlock()
	if err := os.RemoveAll(v.dir); err != nil {
		return fmt.Errorf("removing volume %q: %w", v.name, err)
	}
	return nil
}
