package terminal

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"sync"

	"golang.org/x/term"
)

// Keyboard is a terminal that somebody types at. A nil one is nobody's.
type Keyboard struct {
	file *os.File

	mu    sync.Mutex
	saved *term.State // while it is raw
}

// NewKeyboard is for a file that is a terminal.
func NewKeyboard(file *os.File) *Keyboard { return &Keyboard{file: file} }

// Raw takes the terminal: every key arrives as it is typed, those of signals too, and nothing is echoed. End gives it back.
func (k *Keyboard) Raw() (*Raw, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	saved, err := term.MakeRaw(int(k.file.Fd()))
	if err != nil {
		return nil, fmt.Errorf("setting terminal %s: %w", k.file.Name(), err)
	}
	k.saved = saved
	return &Raw{k}, nil
}

// Release gives the terminal back if somebody has taken it. It may be called at any time, any number of times.
func (k *Keyboard) Release() {
	if k == nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.saved != nil {
		_ = term.Restore(int(k.file.Fd()), k.saved) // of a terminal that is gone
		k.saved = nil
	}
}

// Raw is a terminal that was taken.
type Raw struct{ keyboard *Keyboard }

// Read waits for keys.
func (r *Raw) Read(p []byte) (int, error) { return r.keyboard.file.Read(p) }

// End gives the terminal back.
func (r *Raw) End() { r.keyboard.Release() }

// FollowSize tells the size in characters, now and after each change, until ctx ends.
func (r *Raw) FollowSize(ctx context.Context, tell func(width, height uint16)) {
	changes := make(chan os.Signal, 1)
	if len(resized) > 0 { // Notify without a signal would mean all of them
		signal.Notify(changes, resized...)
		defer signal.Stop(changes)
	}
	for {
		if width, height, err := term.GetSize(int(r.keyboard.file.Fd())); err == nil {
			tell(uint16(width), uint16(height))
		}
		select {
		case <-changes:
		case <-ctx.Done():
			return
		}
	}
}
