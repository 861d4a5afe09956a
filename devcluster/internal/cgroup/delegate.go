package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// delegate lets the children of dir have every controller that dir has. Only
// version 2 needs this: there a child has none unless its parent says so.
func (f FS) delegate(dir string) error {
	available, err := os.ReadFile(filepath.Join(dir, "cgroup.controllers"))
	if err != nil {
		return fmt.Errorf("reading controllers: %w", err)
	}
	for controller := range strings.FieldsSeq(string(available)) {
		err := enable(dir, controller)
		if errors.Is(err, syscall.EBUSY) && dir == f.root {
			if err = f.leaveRoot(); err == nil {
				err = enable(dir, controller)
			}
		}
		if err != nil && slices.Contains(needed, controller) {
			return fmt.Errorf("enabling controller %q below %s: %w", controller, dir, err)
		}
	}
	return nil
}

func enable(dir, controller string) error {
	return os.WriteFile(filepath.Join(dir, "cgroup.subtree_control"), []byte("+"+controller), 0o644)
}

// leaveRoot moves all processes of the root group to a child. The kernel lets
// no group but the machine's true root both hold processes and hand out
// controllers, and what a container sees as its root is not the true one.
func (f FS) leaveRoot() error {
	child := filepath.Join(f.root, "init")
	if err := os.MkdirAll(child, 0o755); err != nil {
		return fmt.Errorf("creating control group: %w", err)
	}
	list, err := os.ReadFile(filepath.Join(f.root, "cgroup.procs"))
	if err != nil {
		return fmt.Errorf("listing processes of the root control group: %w", err)
	}
	for pid := range strings.FieldsSeq(string(list)) {
		err := os.WriteFile(filepath.Join(child, "cgroup.procs"), []byte(pid), 0o644)
		if err != nil && !errors.Is(err, syscall.ESRCH) && !errors.Is(err, syscall.EINVAL) {
			return fmt.Errorf("moving process %s out of the root control group: %w", pid, err)
		}
	}
	return nil
}
