package driver

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
)

// lastLines is how much of a log's end is looked at.
const lastLines = 16

// endsWith says whether the log is known to end with the piece delivered last and, behind it, an unfinished line. It stands for a read that
// brings nothing new, where that would repeat much: all that was written in the last one or two seconds.
//
// A server sends the lines of a file always in the same order, so what stands before the piece delivered last is known. Pieces equal to it are
// counted; none of them is overlooked if the last lines begin before their time. All that is not sure is left to the read.
func (r *logReader) endsWith(ctx context.Context, unfinished []byte) bool {
	if r.last == nil || r.suspect.set || r.window.size() < r.pace.many {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, r.pace.probe)
	defer cancel()
	stream, err := r.last(ctx)
	if err != nil {
		return false
	}
	defer stream.Close()
	keys, open, whole := readEnd(stream)
	if !whole || len(keys) == 0 {
		return false
	}
	last, equal := r.window.last, 0
	for _, key := range keys {
		if key == last {
			equal++
		}
	}
	return keys[0].stamp < last.stamp && keys[len(keys)-1] == last && equal == r.window.count(last) && bytes.Equal(open, unfinished)
}

// readEnd reads the last lines of a log: the keys of the pieces, and an unfinished line. whole is false where it cannot tell.
func readEnd(stream io.Reader) (keys []pieceKey, open []byte, whole bool) {
	for lines := newLineReader(stream); ; {
		p, err := lines.next()
		switch {
		case p.text != nil && p.bare:
			return nil, nil, false
		case p.open:
			open = slices.Clone(p.text)
		case p.text != nil:
			keys = append(keys, keyOf(p))
		}
		if err != nil {
			return keys, open, errors.Is(err, io.EOF)
		}
	}
}
