package driver

import (
	"io"
	"sync"
)

// sharedWriter shares a lock with others, so that only one of them writes at a time: a caller may have given one writer for two streams.
type sharedWriter struct {
	mu *sync.Mutex
	w  io.Writer
}

func (s *sharedWriter) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.w.Write(p)
}
