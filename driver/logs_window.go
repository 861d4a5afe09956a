package driver

import (
	"hash/maphash"
	"maps"
	"time"
)

// overlap is how far a resumed read goes back before the newest delivered line. Timestamps of stdout and stderr are
// taken by two goroutines of the runtime, so neighbours in the file may be out of order by a little; the server
// moreover cuts the time it is asked for down to the second.
const overlap = time.Second

// pieceKey tells pieces apart. Two pieces with the same key are told apart by their order.
type pieceKey struct {
	stamp int64
	sum   uint64 // of the text and the place within the line
}

// pieceSeed makes keys comparable between the readers of this process.
var pieceSeed = maphash.MakeSeed()

func keyOf(p piece) pieceKey {
	return pieceKey{stamp: p.stamp, sum: maphash.Bytes(pieceSeed, p.text) + uint64(p.index)*0x9e3779b97f4a7c15}
}

// window remembers the pieces that were delivered last, so that a read which goes back a little is joined without loss
// and without duplicates. It costs some 30 bytes for every piece of the last two or three seconds.
type window struct {
	seconds map[int64]map[pieceKey]int // delivered, how many times, by second
	newest  int64                      // greatest stamp since the node's clock was last set back
	last    pieceKey                   // the piece delivered last: what follows it in the file is new
	filled  bool                       // anything was delivered
}

func newWindow() *window {
	return &window{seconds: map[int64]map[pieceKey]int{}}
}

// add remembers a delivered piece and forgets those that no resumed read can bring back.
func (w *window) add(key pieceKey) {
	second := key.stamp / int64(time.Second)
	bucket := w.seconds[second]
	if bucket == nil {
		bucket = map[pieceKey]int{}
		w.seconds[second] = bucket
	}
	bucket[key]++
	w.last, w.filled = key, true
	if key.stamp <= w.newest && key.stamp >= w.newest-int64(overlap) {
		return
	}
	turned := second > w.newest/int64(time.Second)
	w.newest = key.stamp // also when the clock was set back
	if turned {
		w.prune()
	}
}

func (w *window) prune() {
	floor := w.since().Unix()
	for second := range w.seconds {
		if second < floor {
			delete(w.seconds, second)
		}
	}
}

func (w *window) has(key pieceKey) bool { return w.count(key) > 0 }

// count is how often a piece is remembered.
func (w *window) count(key pieceKey) int {
	return w.seconds[key.stamp/int64(time.Second)][key]
}

// size is how many different pieces are remembered.
func (w *window) size() int {
	size := 0
	for _, bucket := range w.seconds {
		size += len(bucket)
	}
	return size
}

// since is where a resumed read begins: every piece from there on is remembered. Zero: at the beginning of the log.
func (w *window) since() time.Time {
	if !w.filled {
		return time.Time{}
	}
	return time.Unix(0, w.newest).Add(-overlap).Truncate(time.Second)
}

// remembered is a copy of all that is remembered.
func (w *window) remembered() map[pieceKey]int {
	all := map[pieceKey]int{}
	for _, bucket := range w.seconds {
		maps.Copy(all, bucket)
	}
	return all
}
