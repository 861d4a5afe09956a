package debian

import (
	"context"
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

const busyboxPackage = "busybox-static"

// FindBusybox returns the path of a statically linked busybox: the machine's
// own if it is one, or else one that UnpackBusybox left in folder.
func FindBusybox(folder string) (path string, found bool) {
	for _, path := range []string{
		"/bin/busybox",
		"/usr/bin/busybox",
		filepath.Join(folder, "bin", "busybox"),
		filepath.Join(folder, "usr", "bin", "busybox"),
	} {
		if static(path) {
			return path, true
		}
	}
	return "", false
}

// UnpackBusybox gets a statically linked busybox into folder and returns its
// path. The package is unpacked and not installed, because installing it would
// remove the dynamically linked busybox that the machine may boot with.
func UnpackBusybox(ctx context.Context, folder string) (string, error) {
	if err := unpack(ctx, busyboxPackage, folder); err != nil {
		return "", fmt.Errorf("unpacking package %q: %w", busyboxPackage, err)
	}
	if path, found := FindBusybox(folder); found {
		return path, nil
	}
	return "", fmt.Errorf("package %q has no statically linked busybox", busyboxPackage)
}

func unpack(ctx context.Context, pkg, folder string) error {
	download, err := os.MkdirTemp("", "devcluster-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(download) }()
	if err := apt(ctx, download, "download", pkg); err != nil {
		// The package list may be old, or was never fetched.
		if err := Refresh(ctx); err != nil {
			return err
		}
		if err := apt(ctx, download, "download", pkg); err != nil {
			return err
		}
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
