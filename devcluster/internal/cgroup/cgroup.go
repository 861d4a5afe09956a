// Package cgroup gives each cluster a control group of its own, below which
// the kubelet puts all pods. Two kubelets that shared one would end each
// other's pods as orphans; and what is in it is exactly what down has to end.
package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// needed are the controllers without which the kubelet refuses to start.
var needed = []string{"cpu", "cpuset", "memory", "pids"}

// FS is the control groups of this machine.
type FS struct {
	root    string   // "/sys/fs/cgroup"
	unified bool     // version 2: one hierarchy
	mounts  []string // mount points of all hierarchies; one if unified
}

// Detect looks at /proc/mounts. It fails if no control groups are mounted, or
// not those that Kubernetes needs.
func Detect() (FS, error) {
	mounts, err := os.ReadFile("/proc/mounts")
	if err != nil {
		return FS{}, fmt.Errorf("reading mounts: %w", err)
	}
	f := parse(string(mounts))
	if missing := f.missing(); len(missing) > 0 {
		return FS{}, fmt.Errorf("no control groups for %s (see /proc/mounts)", strings.Join(missing, ", "))
	}
	return f, nil
}

// parse finds version 2 at the usual place, or version 1's hierarchies. Beside
// those there may be a version 2 without controllers ("hybrid"): the runtime
// makes groups in it all the same.
func parse(mounts string) FS {
	f := FS{root: "/sys/fs/cgroup"}
	for line := range strings.Lines(mounts) {
		fields := strings.Fields(line)
		if len(fields) < 3 {
			continue
		}
		dir, kind := fields[1], fields[2]
		if kind == "cgroup2" && dir == f.root {
			return FS{root: f.root, unified: true, mounts: []string{dir}}
		}
		if strings.HasPrefix(kind, "cgroup") && filepath.Dir(dir) == f.root && !slices.Contains(f.mounts, dir) {
			f.mounts = append(f.mounts, dir)
		}
	}
	return f
}

func (f FS) missing() []string {
	var missing []string
	for _, controller := range needed {
		if !f.has(controller) {
			missing = append(missing, controller)
		}
	}
	return missing
}

func (f FS) has(controller string) bool {
	if f.unified {
		available, err := os.ReadFile(filepath.Join(f.root, "cgroup.controllers"))
		return err == nil && slices.Contains(strings.Fields(string(available)), controller)
	}
	// "cpu,cpuacct" is one hierarchy for two; both names are then links to it.
	return slices.ContainsFunc(f.mounts, func(dir string) bool {
		return slices.Contains(strings.Split(filepath.Base(dir), ","), controller)
	})
}

// Create makes the group in every hierarchy. It may exist.
func (f FS) Create(name string) error {
	for _, mount := range f.mounts {
		if err := os.MkdirAll(filepath.Join(mount, name), 0o755); err != nil {
			return fmt.Errorf("creating control group %q: %w", name, err)
		}
	}
	if !f.unified {
		return nil
	}
	for _, dir := range []string{f.root, filepath.Join(f.root, name)} {
		if err := f.delegate(dir); err != nil {
			return err
		}
	}
	return nil
}

// Processes returns the PIDs in the group and below, in all hierarchies.
func (f FS) Processes(name string) ([]int, error) {
	var pids []int
	err := f.walk(name, func(dir string) error {
		list, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENODEV) {
			return nil // removed meanwhile
		}
		if err != nil {
			return err
		}
		for word := range strings.FieldsSeq(string(list)) {
			pid, err := strconv.Atoi(word)
			if err != nil {
				return fmt.Errorf("unexpected PID %q", word)
			}
			pids = append(pids, pid)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("listing processes of control group %q: %w", name, err)
	}
	slices.Sort(pids)
	return slices.Compact(pids), nil
}

// Remove removes the group and those below it, which must hold no processes.
// A group that does not exist is no error.
func (f FS) Remove(name string) error {
	var dirs []string
	if err := f.walk(name, func(dir string) error { dirs = append(dirs, dir); return nil }); err != nil {
		return fmt.Errorf("listing control group %q: %w", name, err)
	}
	for _, dir := range slices.Backward(dirs) { // children before parents
		if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing control group: %w", err)
		}
	}
	return nil
}

// walk visits the group in every hierarchy, parents before children.
func (f FS) walk(name string, visit func(dir string) error) error {
	for _, mount := range f.mounts {
		err := filepath.WalkDir(filepath.Join(mount, name), func(path string, entry fs.DirEntry, err error) error {
			switch {
			case errors.Is(err, fs.ErrNotExist):
				return nil
			case err != nil:
				return err
			case entry.IsDir():
				return visit(path)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Contains tells whether a process is in the group or below it, in any
// hierarchy.
func Contains(name string, pid int) bool {
	groups, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(groups)) {
		// "hierarchy:controllers:/path", see cgroups(7)
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) == 3 && (parts[2] == "/"+name || strings.HasPrefix(parts[2], "/"+name+"/")) {
			return true
		}
	}
	return false
}
