package archive

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

// Unpack writes what is in a tar stream below a directory, which is made if it does not exist. Nothing is ever written outside of it: os.Root sees to
// that, whatever names and links the stream holds. A symlink that leads out is an error. Files that exist are overwritten.
func Unpack(r io.Reader, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("unpacking: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("unpacking: %w", err)
	}
	defer root.Close()
	archive := tar.NewReader(r)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			_, err = io.Copy(io.Discard, r) // the end of the stream may hold an error
			return err
		}
		if err == nil {
			err = unpackOne(root, archive, header)
		}
		if err != nil {
			return fmt.Errorf("unpacking into %q: %w", dir, err)
		}
	}
}

func unpackOne(root *os.Root, content io.Reader, header *tar.Header) error {
	name := filepath.FromSlash(path.Clean(header.Name))
	if !filepath.IsLocal(name) {
		return fmt.Errorf("the name %q leads out", header.Name)
	}
	if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	mode := fs.FileMode(header.Mode).Perm()
	switch header.Typeflag {
	case tar.TypeDir:
		if err := root.MkdirAll(name, mode|0o700); err != nil {
			return err
		}
	case tar.TypeReg:
		if err := writeFile(root, name, mode, content); err != nil {
			return err
		}
	case tar.TypeSymlink:
		return link(root, name, header.Linkname)
	default:
		return fmt.Errorf("%q is neither file, directory nor symlink", header.Name)
	}
	return root.Chtimes(name, header.ModTime, header.ModTime)
}

// writeFile replaces what is there, also a symlink, which writing would follow.
func writeFile(root *os.Root, name string, mode fs.FileMode, content io.Reader) error {
	if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	file, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, content)
	return errors.Join(err, file.Chmod(mode), file.Close())
}

func link(root *os.Root, name, target string) error {
	if err := orchestra.CheckSymlink(filepath.ToSlash(name), target); err != nil {
		return fmt.Errorf("the link %q: %w", name, err)
	}
	if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return root.Symlink(target, name)
}
