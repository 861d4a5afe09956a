package driver

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"time"
)

// maxPiece bounds the memory for one line: a longer line is read, compared and delivered in pieces of this size.
const maxPiece = 32 << 10

// piece is a line of a log, or a part of a long one. How a line is cut depends on the line alone, so that reading it
// again gives the same pieces.
type piece struct {
	stamp int64  // when the runtime took the line, in nanoseconds since 1970; for an unstamped line, the stamp before it
	index int    // place within the line; 0 is its beginning
	text  []byte // without the timestamp, with the newline; valid until the next call of next
	bare  bool   // the server put no timestamp before the line
	open  bool   // the stream ended within this piece
}

// lineReader reads a log that was asked for with timestamps.
type lineReader struct {
	buf   *bufio.Reader
	stamp int64
	index int  // of the next piece
	bare  bool // the line that is being read
}

func newLineReader(stream io.Reader) *lineReader {
	return &lineReader{buf: bufio.NewReaderSize(stream, maxPiece)}
}

// next returns the next piece. At the end of the stream it may return an open piece together with the error.
func (l *lineReader) next() (piece, error) {
	text, err := l.buf.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		err = nil
	case err != nil && len(text) == 0:
		return piece{}, err
	}
	p := piece{index: l.index, open: err != nil}
	if l.index == 0 {
		text = l.begin(text)
	}
	p.text, p.stamp, p.bare = text, l.stamp, l.bare
	l.index++
	if bytes.HasSuffix(text, []byte("\n")) {
		l.index = 0
	}
	return p, err
}

// begin takes the timestamp off the beginning of a line: RFC 3339, then one space (cri-client pkg/logs/logs.go).
func (l *lineReader) begin(text []byte) []byte {
	end := bytes.IndexByte(text[:min(len(text), len(time.RFC3339Nano)+1)], ' ')
	var at time.Time
	l.bare = end < 0 || at.UnmarshalText(text[:end]) != nil
	if l.bare {
		return text
	}
	l.stamp = at.UnixNano()
	return text[end+1:]
}

// waiting says whether next would have to wait for the server.
func (l *lineReader) waiting() bool {
	ready, err := l.buf.Peek(l.buf.Buffered())
	return err != nil || (bytes.IndexByte(ready, '\n') < 0 && len(ready) < maxPiece)
}
