package memdriver

import (
	"fmt"
	"os"
	"sync"
)

// backend takes the place of a server: what is in it outlives the drivers that put it there. The mutex guards all of it.
var backend = store{spaces: map[string]*space{}}

type store struct {
	sync.Mutex
	spaces map[string]*space // by namespace
}

// space holds one namespace. Its files are in dir.
type space struct {
	namespace  string
	dir        string
	containers map[string]*container // by container ID
	sandboxes  map[string]*sandbox   // by sandbox ID
	volumes    map[string]*volume    // by name
}

// enter returns a namespace, new if need be.
func (s *store) enter(namespace string) (*space, error) {
	if found := s.spaces[namespace]; found != nil {
		return found, nil
	}
	dir, err := os.MkdirTemp("", "orchestra-memory-")
	if err != nil {
		return nil, fmt.Errorf("making a directory for namespace %q: %w", namespace, err)
	}
	made := &space{
		namespace: namespace, dir: dir,
		containers: map[string]*container{}, sandboxes: map[string]*sandbox{}, volumes: map[string]*volume{},
	}
	s.spaces[namespace] = made
	return made, nil
}
