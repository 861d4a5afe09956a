// Package process starts long-running programs, remembers exactly which ones,
// and ends them. A process is never looked for by its name.
package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// Identity names one process for as long as the machine is up and after: a
// PID is reused, a PID together with its start time and boot is not.
type Identity struct {
	PID   int    `json:"pid"`
	Start uint64 `json:"start"` // in the kernel's own unit, compared only
	Boot  string `json:"boot"`
}

// Of returns the identity of a running process. A process that has ended but
// was not yet reaped by its parent counts as not running: os.ErrProcessDone.
func Of(pid int) (Identity, error) {
	id, ended, err := identify(pid)
	if err == nil && ended {
		return Identity{}, fmt.Errorf("process %d: %w", pid, os.ErrProcessDone)
	}
	return id, err
}

// identify identifies also a process that has ended and was not reaped yet.
func identify(pid int) (id Identity, ended bool, err error) {
	start, ended, err := startTime(pid)
	if err != nil {
		return Identity{}, false, fmt.Errorf("reading the start time of process %d: %w", pid, err)
	}
	boot, err := bootID()
	if err != nil {
		return Identity{}, false, fmt.Errorf("reading the boot ID: %w", err)
	}
	return Identity{PID: pid, Start: start, Boot: boot}, ended, nil
}

// Alive tells whether this very process still runs.
func (id Identity) Alive() bool {
	if id.PID <= 0 {
		return false
	}
	now, err := Of(id.PID)
	return err == nil && now == id
}

// Signal sends sig to this very process, or returns os.ErrProcessDone.
//
// On Linux os.FindProcess holds a pidfd, so that looking first and signalling
// after cannot hit another process that got the same PID in between.
func (id Identity) Signal(sig os.Signal) error {
	p, err := os.FindProcess(id.PID)
	if err != nil {
		return fmt.Errorf("finding process %d: %w", id.PID, err)
	}
	defer func() { _ = p.Release() }()
	if !id.Alive() {
		return os.ErrProcessDone
	}
	if err := p.Signal(sig); err != nil {
		return fmt.Errorf("sending %v to process %d: %w", sig, id.PID, err)
	}
	return nil
}

// Stop asks the process to end with SIGTERM, kills it with SIGKILL after grace,
// and returns when it is gone. A grace of 0 kills at once. Stopping a process
// that has ended is no error.
func (id Identity) Stop(ctx context.Context, grace time.Duration) error {
	if grace > 0 {
		if err := id.signalAndWait(ctx, syscall.SIGTERM, grace); err == nil || ctx.Err() != nil {
			return err
		}
	}
	const killed = 30 * time.Second // a process in the middle of disk input or output cannot die faster
	return id.signalAndWait(ctx, syscall.SIGKILL, killed)
}

func (id Identity) signalAndWait(ctx context.Context, sig os.Signal, limit time.Duration) error {
	if err := id.Signal(sig); errors.Is(err, os.ErrProcessDone) {
		return nil
	} else if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for id.Alive() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for process %d to end after %v: %w", id.PID, sig, ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}

// KillIf kills the process that has this PID now, if belongs says that it is
// the one meant, and returns without waiting. On Linux belongs is asked while
// the process is held by a pidfd, so what it says is true of what is killed.
func KillIf(pid int, belongs func() bool) error {
	p, err := os.FindProcess(pid)
	if err != nil {
		return fmt.Errorf("finding process %d: %w", pid, err)
	}
	defer func() { _ = p.Release() }()
	if !belongs() {
		return nil
	}
	if err := p.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("killing process %d: %w", pid, err)
	}
	return nil
}
