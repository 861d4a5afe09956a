package driver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// execTerminal is exec for a process that has a terminal.
func (d *Driver) execTerminal(ctx context.Context, p process, over func() error, sizes <-chan TerminalSize) (int, error) {
	mark := newMark()
	stream, err := d.connect(ctx, p.pod, over, func(ctx context.Context) (execStream, error) {
		return d.dialTerminal(ctx, p, []string{p.tool, "sh", "-c", terminalBoot, p.tool, printable(mark)})
	})
	if err != nil {
		return 0, err
	}
	e := &execution{process: p, stream: stream, mark: mark, heard: newHeard(1), received: make(chan attachAnswer, 1), done: make(chan struct{})}
	e.receive(beginningOrOutput{e.heard, p.stdout}, io.Discard)
	return d.finish(ctx, e, over, func(ctx context.Context) (int, error) { return e.runTerminal(ctx, sizes) })
}

// beginningOrOutput keeps what the driver's own program says from the screen, as the reason why it did not begin.
type beginningOrOutput struct {
	heard  *heard
	output io.Writer
}

func (b beginningOrOutput) Write(p []byte) (int, error) {
	if isClosed(b.heard.begun) {
		return b.output.Write(p)
	}
	return b.heard.said.Write(p)
}

// runTerminal starts the process, hands on what is typed, and waits for its end.
func (e *execution) runTerminal(ctx context.Context, sizes <-chan TerminalSize) (int, error) {
	defer context.AfterFunc(ctx, func() { _ = e.stream.Close() })() // ends writes that are under way
	if err := e.awaitTerminal(e.heard.started); err != nil {
		return 0, firstError(ctx, err)
	}
	if err := e.resizeFirst(sizes); err != nil {
		return 0, firstError(ctx, err)
	}
	program := e.script(terminalProgram, e.mark)
	if _, err := fmt.Fprintf(e.stream, "%d\n%s", len(program), program); err != nil {
		return 0, firstError(ctx, fmt.Errorf("sending the command: %w", err))
	}
	if err := e.awaitTerminal(e.heard.begun); err != nil {
		return 0, firstError(ctx, err)
	}
	code, err := e.converse(sizes)
	return code, firstError(ctx, err)
}

// resizeFirst gives the terminal the size that is there already, before anything looks at it.
func (e *execution) resizeFirst(sizes <-chan TerminalSize) error {
	select {
	case size, more := <-sizes:
		if more {
			return e.stream.resize(size)
		}
	default:
	}
	return nil
}

func (e *execution) awaitTerminal(word <-chan struct{}) error {
	select {
	case <-word:
		return nil
	case answer := <-e.received:
		if isClosed(word) {
			e.received <- answer
			return nil
		}
		return e.heard.notStarted(answer)
	}
}

// converse hands on what is typed, and the sizes, until the process has ended.
func (e *execution) converse(sizes <-chan TerminalSize) (int, error) {
	typed := e.listen()
	for {
		var err error
		select {
		case <-e.heard.ended:
			e.leaveTerminal()
			return e.heard.code, nil
		case answer := <-e.received:
			return e.heard.over(answer)
		case keys := <-typed:
			if keys.err != nil {
				return 0, &callerError{fmt.Errorf("reading what is typed: %w", keys.err)}
			}
			_, err = e.stream.Write(keys.bytes)
		case size, more := <-sizes:
			if !more {
				sizes = nil
				continue
			}
			err = e.stream.resize(size)
		}
		if err != nil {
			return e.notFed(&sendError{err})
		}
	}
}

// typing is what was typed at once.
type typing struct {
	bytes []byte
	err   error
}

// endOfText is what Ctrl-D types.
const endOfText = 4

// listen reads what is typed until the call has ended, or is left behind in Read.
func (e *execution) listen() <-chan typing {
	typed := make(chan typing)
	if e.stdin == nil {
		return typed // nobody types, as at a terminal that is only looked at
	}
	go func() {
		for buffer := make([]byte, webSocketFrame); ; {
			n, err := e.stdin.Read(buffer)
			read := typing{slices.Clone(buffer[:n]), err}
			if errors.Is(err, io.EOF) {
				read = typing{append(read.bytes, endOfText), nil}
			}
			select {
			case typed <- read:
			case <-e.done:
				return
			}
			if err != nil {
				return
			}
		}
	}()
	return typed
}

// leaveTerminal tells the container that everything has arrived, and waits until it has gone.
func (e *execution) leaveTerminal() {
	if _, err := io.WriteString(e.stream, "\nbye\n"); err != nil {
		return
	}
	timer := time.NewTimer(byeTimeout)
	defer timer.Stop()
	select {
	case <-e.received:
	case <-timer.C:
	}
}
