// Package lock makes commands that change the same thing take turns.
package lock

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Lock is held by this process until Unlock, or until the process ends in
// whatever way: the kernel lets go of it.
type Lock struct{ file *os.File }

// Acquire takes the lock of the given file, creating it if need be. If another
// process has it, waiting is called once with that process's PID ("?" if it is
// not known), and Acquire waits until the lock is free or ctx ends.
func Acquire(ctx context.Context, path string, waiting func(holder string)) (*Lock, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := wait(ctx, file, waiting); err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("locking %s: %w", path, err)
	}
	// The holder's PID is for the message only; who holds the lock is the kernel's to say.
	if err := file.Truncate(0); err == nil {
		_, _ = file.WriteAt([]byte(strconv.Itoa(os.Getpid())), 0)
	}
	return &Lock{file}, nil
}

func wait(ctx context.Context, file *os.File, waiting func(holder string)) error {
	for told := false; ; told = true {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return err
		}
		if !told {
			waiting(holder(file))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func holder(file *os.File) string {
	const enough = 32
	pid := make([]byte, enough)
	n, _ := file.ReadAt(pid, 0)
	if n == 0 {
		return "?"
	}
	return strings.TrimSpace(string(pid[:n]))
}

// Unlock lets go. The file stays: removing it would let two processes lock two
// files of one name.
func (l *Lock) Unlock() { _ = l.file.Close() }
