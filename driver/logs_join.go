package driver

import "time"

// verdict is what to do with the next piece of a stream.
type verdict int

const (
	skip    verdict = iota // it was delivered before
	deliver                // it is new
	rewind                 // the stream went back in time: its place is not known, read again from there
)

// join finds the place where one stream continues what was delivered before.
//
// The server sends the lines of one file in the file's order, always the same. So all that stands before the piece
// delivered last is known already, and all that follows it is new. When that piece does not come, the file that held it
// was rotated away: what comes instead is new, and lines may be missing before it.
type join struct {
	w        *window
	left     map[pieceKey]int // remembered pieces that this stream has not repeated yet
	anchored bool             // the place is found: what follows is new
	gap      *LogGap          // set when the place was not found, or was lost
	suspect  suspect          // of the stream before
}

// suspect is a piece at which a stream went back in time. There are two explanations: the kubelet reads a file a second
// time, after it has missed another one (two rotations between two looks at the directory), or the node's clock was set
// back. In the file, the piece stands before the one delivered last, or after it.
type suspect struct {
	key    pieceKey
	set    bool
	before bool // seen before the place was found
}

func newJoin(w *window, s suspect) *join {
	return &join{w: w, left: w.remembered(), anchored: !w.filled, suspect: s}
}

// since is where to ask the server to begin.
func (j *join) since() time.Time {
	since := j.w.since()
	if j.suspect.set {
		if at := time.Unix(0, j.suspect.key.stamp).Truncate(time.Second); at.Before(since) {
			return at
		}
	}
	return since
}

// judge decides about one piece. It changes the join only, never the window.
func (j *join) judge(key pieceKey) verdict {
	if j.anchored {
		return j.follow(key)
	}
	if j.suspect.set && key == j.suspect.key {
		j.suspect.before = true
	}
	if j.left[key] > 0 {
		j.left[key]--
		j.anchored = key == j.w.last && j.left[key] == 0
		return skip
	}
	if key.stamp < j.w.since().UnixNano() {
		return skip // older than what is remembered, so it was delivered
	}
	j.anchored = true
	j.gap = &LogGap{After: time.Unix(0, j.w.last.stamp).UTC(), Before: time.Unix(0, key.stamp).UTC()}
	return deliver
}

// follow judges a piece of a stream whose place is known. A piece with the newest timestamp is new even if it looks like
// the one before: clocks can be coarse.
func (j *join) follow(key pieceKey) verdict {
	if j.suspect.set && key == j.suspect.key {
		j.suspect.set = false // it stands after the piece delivered last: it is new
		return deliver
	}
	j.solve()
	if key.stamp >= j.w.newest {
		return deliver
	}
	if key.stamp < j.w.newest-int64(overlap) || j.w.has(key) {
		return rewind
	}
	return deliver
}

// solve ends the case of a suspect that stands before the piece delivered last and not after it: a file was read twice.
func (j *join) solve() {
	if j.anchored && j.suspect.set && j.suspect.before {
		j.suspect.set = false
		j.gap = &LogGap{Before: time.Unix(0, j.suspect.key.stamp).UTC()}
	}
}

// unsolved is the suspect that the next stream has to explain: the one that this stream has met, else its own if it ended
// too early.
func (j *join) unsolved(met suspect) suspect {
	if met.set || !j.suspect.set {
		return met
	}
	return suspect{key: j.suspect.key, set: true}
}
