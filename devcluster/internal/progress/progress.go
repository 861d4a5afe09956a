// Package progress tells a waiting person, or a CI log, which step is under
// way and for how long.
package progress

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

const (
	logEvery      = 10 * time.Second // a CI log wants few lines, and no silence of minutes
	terminalEvery = 200 * time.Millisecond
)

// Reporter writes about the steps of one command. Its methods may be called
// from several goroutines, but steps do not overlap.
type Reporter struct {
	mu       sync.Mutex
	out      io.Writer
	terminal bool             // rewrite one line instead of adding lines
	now      func() time.Time // for elapsed times
	ticker   func(time.Duration) (<-chan time.Time, func())
}

// New returns a reporter that writes to f, and rewrites lines in place only if
// f is a terminal.
func New(f *os.File) *Reporter {
	info, err := f.Stat()
	terminal := err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
	return &Reporter{out: f, terminal: terminal, now: time.Now, ticker: newTicker}
}

func newTicker(every time.Duration) (<-chan time.Time, func()) {
	t := time.NewTicker(every)
	return t.C, t.Stop
}

// Say writes one line.
func (r *Reporter) Say(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, _ = fmt.Fprintf(r.out, format+"\n", args...)
}

// Step runs work and shows its title with the elapsed time, until it is done.
// It returns work's error unchanged.
func (r *Reporter) Step(ctx context.Context, title string, work func(context.Context) error) error {
	began := r.now()
	every := logEvery
	if r.terminal {
		every = terminalEvery
	} else {
		r.Say("%s ...", title)
	}
	stop := make(chan struct{})
	var shown sync.WaitGroup
	shown.Go(func() { r.show(title, began, every, stop) })
	err := work(ctx)
	close(stop)
	shown.Wait()
	r.finish(title, began, err)
	return err
}

func (r *Reporter) show(title string, began time.Time, every time.Duration, stop <-chan struct{}) {
	tick, stopTicker := r.ticker(every)
	defer stopTicker()
	for {
		select {
		case <-stop:
			return
		case <-tick:
			if r.terminal {
				r.write("\r\033[K%s ... %s", title, r.elapsed(began))
			} else {
				r.write("%s ... %s\n", title, r.elapsed(began))
			}
		}
	}
}

func (r *Reporter) finish(title string, began time.Time, err error) {
	verdict := "done in"
	if err != nil {
		verdict = "gave up after"
	}
	clear := ""
	if r.terminal {
		clear = "\r\033[K"
	}
	r.write("%s%s: %s %s\n", clear, title, verdict, r.elapsed(began))
}

func (r *Reporter) write(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, _ = fmt.Fprintf(r.out, format, args...)
}

// elapsed rounds to what a person cares about.
func (r *Reporter) elapsed(began time.Time) time.Duration {
	d := r.now().Sub(began)
	if d < 10*time.Second {
		return d.Round(100 * time.Millisecond)
	}
	return d.Round(time.Second)
}
