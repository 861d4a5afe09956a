package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"

	"golang.org/x/term"

	"github.com/orchestra-ci/orchestra-k8s/internal/terminal"
)

// streams are the process's, or a test's.
type streams struct {
	in       io.Reader
	out, err io.Writer

	screen      bool               // out is a terminal
	conversing  bool               // in and err are terminals: there is somebody to ask
	live        bool               // err is a terminal: progress may be shown in place
	typing      *terminal.Keyboard // in and out are terminals: a shell may take them; nil: they are not
	width       int                // of the terminal; 0: unlimited
	colour      terminal.Style
	errorColour terminal.Style
}

// processStreams are those of the process. Colours are for terminals, and for nobody with $NO_COLOR (no-color.org).
func processStreams() streams {
	s := streams{in: os.Stdin, out: os.Stdout, err: &lockedWriter{w: os.Stderr}}
	s.screen = isTerminal(os.Stdout)
	s.live = isTerminal(os.Stderr)
	s.conversing = s.live && isTerminal(os.Stdin)
	if s.screen && isTerminal(os.Stdin) {
		s.typing = terminal.NewKeyboard(os.Stdin)
	}
	colours := os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	s.colour, s.errorColour = terminal.Style(colours && s.screen), terminal.Style(colours && s.live)
	for _, file := range []*os.File{os.Stdout, os.Stderr} {
		if width, _, err := term.GetSize(int(file.Fd())); err == nil {
			s.width = width
			break
		}
	}
	return s
}

func isTerminal(file *os.File) bool { return term.IsTerminal(int(file.Fd())) }

// say writes a line for people, made harmless. Results go to out; all else goes here.
func (s *streams) say(format string, args ...any) {
	s.sayStyled(terminal.Clean(fmt.Sprintf(format, args...)))
}

// sayStyled is say for text that has its colours already.
func (s *streams) sayStyled(text string) { _, _ = fmt.Fprintln(s.err, text) }

// print writes results.
func (s *streams) print(text string) error {
	if _, err := io.WriteString(s.out, text); err != nil {
		return fmt.Errorf("writing to standard output: %w", err)
	}
	return nil
}

// pipe is an output that says when nobody reads it any more, as in `kubectl orchestra run ... | head -n 1`.
type pipe struct {
	io.Writer

	broken func()
}

func (p pipe) Write(text []byte) (int, error) {
	n, err := p.Writer.Write(text)
	if errors.Is(err, syscall.EPIPE) {
		p.broken()
	}
	return n, err
}

// lockedWriter is for several goroutines: the log, progress, and a task's stderr.
type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}
