package driver

import (
	"fmt"
	"io"
)

// stdinFrame is how much of a command's stdin is sent at a time; each frame costs the container a process.
const stdinFrame = 256 << 10

// stdinBlock is how much of a frame the container reads at once: as much as a pipe holds.
const stdinBlock = 64 << 10

// startFeeding sends the process its stdin. The channel receives one value: nil when all of it, and its end, was sent. The goroutine may
// outlive the call in a Read that blocks; it holds the reader and a connection that is closed.
func (e *execution) startFeeding() <-chan error {
	fed := make(chan error, 1)
	go func() { fed <- e.feed() }()
	return fed
}

func (e *execution) feed() error {
	for buffer := make([]byte, e.frame); e.stdin != nil; {
		n, err := e.stdin.Read(buffer)
		if n > 0 {
			if err := e.send(buffer[:n]); err != nil {
				return &sendError{err}
			}
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return &callerError{fmt.Errorf("reading its stdin: %w", err)}
		}
	}
	if err := e.send(nil); err != nil {
		return &sendError{err}
	}
	return nil
}
