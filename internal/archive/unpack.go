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
	"strings"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

// Unpack writes what a tar stream holds of a path in it; "" is all. A directory's content becomes that of target, which is made if it does not
// exist. A file or a link becomes target itself, or lies in target under its own name if that is a directory or ends with a slash. Files that exist are
// overwritten. Nothing is ever written outside of target: os.Root sees to that, whatever names and links the stream holds. A symlink that
// leads out is an error.
func Unpack(r io.Reader, of, target string) error {
	stream := tar.NewReader(r)
	u := unpacking{of: path.Clean(of), dir: target}
	header, err := stream.Next()
	if err == nil && header.Typeflag != tar.TypeDir && path.Clean(header.Name) == u.of {
		u.single(target)
	}
	if err := u.open(); err != nil {
		return err
	}
	defer u.root.Close()
	for ; !errors.Is(err, io.EOF); header, err = stream.Next() {
		if err == nil {
			err = u.entry(header, stream)
		}
		if err != nil {
			return fmt.Errorf("unpacking into %q: %w", target, err)
		}
	}
	_, err = io.Copy(io.Discard, r) // the end of the stream may hold an error
	return err
}

// unpacking puts what lies at a path of a stream into a directory.
type unpacking struct {
	of   string // clean
	dir  string
	as   string // of a single file or link: its name in the directory
	root *os.Root
}

// single is for a path that is no directory.
func (u *unpacking) single(target string) {
	info, err := os.Stat(target)
	if err == nil && info.IsDir() || strings.HasSuffix(target, "/") {
		u.as = path.Base(u.of)
		return
	}
	u.dir, u.as = filepath.Split(target)
	u.dir = filepath.Clean(u.dir)
}

func (u *unpacking) open() (err error) {
	if err := os.MkdirAll(u.dir, 0o755); err != nil {
		return fmt.Errorf("unpacking: %w", err)
	}
	if u.root, err = os.OpenRoot(u.dir); err != nil {
		return fmt.Errorf("unpacking: %w", err)
	}
	return nil
}

// place is where an entry of the stream lies in the directory.
func (u *unpacking) place(name string) (string, error) {
	clean := path.Clean(name)
	inside, found := clean, true
	switch {
	case u.as != "" && clean == u.of:
		inside = u.as
	case clean == u.of:
		inside = "."
	case u.of != ".":
		inside, found = strings.CutPrefix(clean, u.of+"/")
	}
	local := filepath.FromSlash(inside)
	if !found || !filepath.IsLocal(local) {
		return "", fmt.Errorf("the name %q leads out", name)
	}
	return local, nil
}

func (u *unpacking) entry(header *tar.Header, content io.Reader) error {
	name, err := u.place(header.Name)
	if err != nil {
		return err
	}
	if err := u.root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	mode := fs.FileMode(header.Mode).Perm()
	switch header.Typeflag {
	case tar.TypeDir:
		err = u.root.MkdirAll(name, mode|0o700)
	case tar.TypeReg:
		err = writeFile(u.root, name, mode, content)
	case tar.TypeSymlink:
		return link(u.root, name, header.Linkname)
	case tar.TypeLink:
		return u.twin(name, header.Linkname)
	default:
		err = fmt.Errorf("%q is neither a file, nor a directory, nor a link", header.Name)
	}
	if err != nil {
		return err
	}
	return u.root.Chtimes(name, header.ModTime, header.ModTime)
}

// twin makes a hard link to a file that came before.
func (u *unpacking) twin(name, of string) error {
	first, err := u.place(of)
	if err != nil {
		return err
	}
	if err := u.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return u.root.Link(first, name)
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
