package driver

import (
	"sync"
	"time"
)

// logHead remembers with which line each stream of a container's log began when it was first read, so that a later read shows
// when the beginning has been rotated away since. The zero value remembers nothing.
type logHead struct {
	mu     sync.Mutex
	begins map[logName]pieceKey
}

// logName is one log: of a pod, which a Job may replace, and of one of its streams, "" for both in one.
type logName struct{ pod, stream string }

// check notes how a log begins. It returns a gap if it has begun earlier before.
func (h *logHead) check(name logName, key pieceKey) *LogGap {
	h.mu.Lock()
	defer h.mu.Unlock()
	begin, known := h.begins[name]
	if known && begin.stamp < key.stamp {
		return &LogGap{Before: time.Unix(0, key.stamp).UTC()}
	}
	if h.begins == nil {
		h.begins = map[logName]pieceKey{}
	}
	h.begins[name] = key
	return nil
}
