package driver

import (
	"errors"
	"sync"
	"time"
)

// logHead remembers with which line each stream of a container's log began when it was first read, so that a later read shows
// when the beginning has been rotated away since; and what the last read found missing. The zero value remembers nothing.
type logHead struct {
	mu      sync.Mutex
	begins  map[logName]pieceKey
	missing string // for the task's status: "" or a sentence
}

// note keeps what the result of a read says about missing lines. A read that found all of them is no proof that another one, of
// the same log, has delivered them, so it changes nothing.
func (h *logHead) note(err error) {
	gap, ok := errors.AsType[*LogGapError](err)
	if !ok {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.missing = "Lines of its log may be missing " + gap.places()
}

// explain adds to a status what is known to be missing of the task's log.
func (h *logHead) explain(s status) status {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.missing != "" {
		s.message = sentences(s.message, h.missing)
	}
	return s
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

// checkEmpty is check for a log in which there is nothing.
func (h *logHead) checkEmpty(name logName) *LogGap {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, known := h.begins[name]; known {
		return &LogGap{}
	}
	return nil
}
