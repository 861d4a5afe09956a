package driver

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
)

// markBegin is the first byte of a mark. It is in it nowhere else.
const markBegin = '\x1e'

// maxWord bounds what follows a mark: a word, a number, the end of the line.
const maxWord = 32

// markReader hands on a stream without the lines that the driver's own program has put into it: a mark that nobody else knows,
// and what it says. That a mark has come proves that all before it has come.
type markReader struct {
	mark []byte // begins with markBegin
	to   io.Writer
	heed func(words string) // called with what follows a mark
	held []byte             // may be the beginning of a marked line
}

func (m *markReader) Write(p []byte) (int, error) {
	data := p
	if len(m.held) > 0 {
		data = slices.Concat(m.held, p)
		m.held = nil
	}
	for {
		at := bytes.Index(data, m.mark)
		if at < 0 {
			break
		}
		words, rest, whole := bytes.Cut(data[at+len(m.mark):], []byte("\n"))
		if !whole && len(words) < maxWord {
			return len(p), m.pass(data, at)
		}
		if err := m.pass(data[:at], at); err != nil {
			return 0, err
		}
		m.heed(strings.TrimSpace(string(words)))
		data = rest
	}
	return len(p), m.pass(data, beginningOf(data, m.mark))
}

// pass hands on the data before at, and keeps the rest.
func (m *markReader) pass(data []byte, at int) error {
	m.held = append([]byte(nil), data[at:]...)
	if at == 0 {
		return nil
	}
	if _, err := m.to.Write(data[:at]); err != nil {
		return &callerError{fmt.Errorf("writing its output: %w", err)}
	}
	return nil
}

// callerError is an error of a reader or a writer of the caller's.
type callerError struct{ err error }

func (e *callerError) Error() string { return e.err.Error() }
func (e *callerError) Unwrap() error { return e.err }

// beginningOf returns where data may end with the beginning of mark; len(data) if it does not.
func beginningOf(data, mark []byte) int {
	at := bytes.LastIndexByte(data, markBegin)
	if at < 0 || !bytes.HasPrefix(mark, data[at:]) {
		return len(data)
	}
	return at
}
