package debian

import (
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"

	"golang.org/x/mod/semver"
)

const busyboxPackage = "busybox-static"

// recent is the release from which on busybox sums by the processor's own SHA
// instructions. The public image has been of a later one since 2023.
const recent = "v1.36.0"

// Busybox is a statically linked busybox. The zero value is none.
type Busybox struct {
	Path    string
	Version string // such as "v1.37.0"
}

// Recent tells whether it sums as fast as the busybox that users' images have.
func (b Busybox) Recent() bool { return semver.Compare(b.Version, recent) >= 0 }

// FindBusybox returns the statically linked busybox to use among the machine's
// own and those that were unpacked into folder, or the zero value.
func FindBusybox(ctx context.Context, folder string) Busybox {
	var found []Busybox
	for _, path := range []string{
		"/bin/busybox",
		"/usr/bin/busybox",
		filepath.Join(folder, "bin", "busybox"),
		filepath.Join(folder, "usr", "bin", "busybox"),
		laterBusybox(folder),
	} {
		if b, err := inspect(ctx, path); err == nil {
			found = append(found, b)
		}
	}
	return choose(found)
}

// choose returns the first that is recent, else the first, else none.
func choose(found []Busybox) Busybox {
	for _, b := range found {
		if b.Recent() {
			return b
		}
	}
	if len(found) == 0 {
		return Busybox{}
	}
	return found[0]
}

// UnpackBusybox unpacks the busybox of the machine's own distribution into
// folder. The package is not installed, because that would remove the
// dynamically linked busybox that the machine may boot with.
func UnpackBusybox(ctx context.Context, folder string) (Busybox, error) {
	err := unpack(ctx, folder, func(download string) error {
		if apt(ctx, download, "download", busyboxPackage) == nil {
			return nil
		}
		// The package list may be old, or was never fetched.
		if err := Refresh(ctx); err != nil {
			return err
		}
		return apt(ctx, download, "download", busyboxPackage)
	})
	if err != nil {
		return Busybox{}, fmt.Errorf("unpacking package %q: %w", busyboxPackage, err)
	}
	if b := FindBusybox(ctx, folder); b.Path != "" {
		return b, nil
	}
	return Busybox{}, fmt.Errorf("package %q has no statically linked busybox", busyboxPackage)
}

// unpack extracts the one package that fetch leaves in a folder of its own.
func unpack(ctx context.Context, folder string, fetch func(download string) error) error {
	download, err := os.MkdirTemp("", "devcluster-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(download) }()
	if err := fetch(download); err != nil {
		return err
	}
	archives, err := filepath.Glob(filepath.Join(download, "*.deb"))
	if err != nil || len(archives) != 1 {
		return fmt.Errorf("expected one archive, found %q", archives)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	out, err := exec.CommandContext(ctx, "dpkg-deb", "--extract", archives[0], folder).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// inspect returns the busybox at path if it is static, and can run here.
func inspect(ctx context.Context, path string) (Busybox, error) {
	if !static(path) {
		return Busybox{}, fmt.Errorf("%s is not a statically linked program", path)
	}
	usage, err := exec.CommandContext(ctx, path).Output()
	if err != nil {
		return Busybox{}, fmt.Errorf("asking %s for its version: %w", path, err)
	}
	version, err := versionIn(string(usage))
	if err != nil {
		return Busybox{}, fmt.Errorf("asking %s for its version: %w", path, err)
	}
	return Busybox{Path: path, Version: version}, nil
}

var firstWords = regexp.MustCompile(`^BusyBox (v\d+\.\d+\.\d+)`)

// versionIn reads the version in what busybox says when it is asked for nothing.
func versionIn(usage string) (string, error) {
	match := firstWords.FindStringSubmatch(usage)
	if match == nil {
		return "", errors.New("it does not begin with the words of busybox")
	}
	return match[1], nil
}

// static tells whether path is a program that needs no dynamic linker, so that
// it runs in an image that holds nothing else.
func static(path string) bool {
	f, err := elf.Open(path)
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }()
	for _, segment := range f.Progs {
		if segment.Type == elf.PT_INTERP {
			return false
		}
	}
	return true
}
