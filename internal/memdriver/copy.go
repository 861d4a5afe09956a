package memdriver

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

var _ orchestra.VolumeDataAccessor = (*Driver)(nil)

// openVolume opens the directory of a volume so that no path and no link leads out of it.
func (d *Driver) openVolume(name string) (*os.Root, error) {
	backend.Lock()
	defer backend.Unlock()
	if space := backend.spaces[d.namespace]; space != nil && space.volumes[name] != nil {
		return os.OpenRoot(space.volumes[name].dir)
	}
	return nil, fmt.Errorf("opening volume %q: %w", name, fs.ErrNotExist)
}

// closeReadOnly closes what nothing was written to, so that no error matters.
func closeReadOnly(c io.Closer) { _ = c.Close() }

// CopyToVolume unpacks directories, files and links.
func (d *Driver) CopyToVolume(ctx context.Context, volumeName string, reader io.Reader) error {
	root, err := d.openVolume(volumeName)
	if err != nil {
		return err
	}
	defer closeReadOnly(root)
	if err := unpackAll(ctx, root, reader); err != nil {
		return fmt.Errorf("copying to volume %q: %w", volumeName, err)
	}
	return nil
}

var errCut = errors.New("the archive has no end mark: it was cut")

func unpackAll(ctx context.Context, root *os.Root, reader io.Reader) error {
	source := &endNoter{Reader: reader}
	archive := tar.NewReader(source)
	for ctx.Err() == nil {
		header, err := archive.Next()
		switch {
		case errors.Is(err, io.EOF) && source.ended:
			return errCut
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		if err := unpack(root, header, archive); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// endNoter notes whether a reader was read to its end. Package tar takes an archive that ends behind an entry for a whole one; a whole one
// has an end mark, and is not read beyond that.
type endNoter struct {
	io.Reader
	ended bool
}

func (e *endNoter) Read(p []byte) (int, error) {
	n, err := e.Reader.Read(p)
	e.ended = n == 0 && errors.Is(err, io.EOF)
	return n, err
}

func unpack(root *os.Root, header *tar.Header, content io.Reader) error {
	name, mode := path.Clean(header.Name), fs.FileMode(header.Mode).Perm()
	if err := root.MkdirAll(path.Dir(name), 0o777); err != nil {
		return err
	}
	if header.Typeflag == tar.TypeDir {
		return root.MkdirAll(name, mode)
	}
	if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) { // or a link would be followed
		return err
	}
	switch header.Typeflag {
	case tar.TypeReg:
		file, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
		if err != nil {
			return err
		}
		_, err = io.Copy(file, content)
		return errors.Join(err, file.Close())
	case tar.TypeSymlink:
		if err := orchestra.CheckSymlink(name, header.Linkname); err != nil {
			return fmt.Errorf("unpacking link %q: %w", header.Name, err)
		}
		return root.Symlink(header.Linkname, name)
	}
	return fmt.Errorf("unpacking %q: type %q is neither a file, nor a directory, nor a link", header.Name, header.Typeflag)
}

// CopyFromVolume packs everything.
func (d *Driver) CopyFromVolume(ctx context.Context, volumeName string) (io.ReadCloser, error) {
	return d.ReadFilesFromVolume(ctx, volumeName, ".")
}

// ReadFilesFromVolume packs in the background; its errors are those of the stream.
func (d *Driver) ReadFilesFromVolume(ctx context.Context, volumeName string, filePaths ...string) (io.ReadCloser, error) {
	root, err := d.openVolume(volumeName)
	if err != nil {
		return nil, err
	}
	reader, writer := io.Pipe()
	stop := context.AfterFunc(ctx, func() { writer.CloseWithError(ctx.Err()) })
	go func() {
		defer closeReadOnly(root)
		defer stop()
		if err := pack(writer, root.FS(), filePaths); err != nil {
			writer.CloseWithError(fmt.Errorf("copying from volume %q: %w", volumeName, err))
			return
		}
		_ = writer.Close() // never fails
	}()
	return reader, nil
}

func pack(w io.Writer, files fs.FS, paths []string) error {
	archive := tar.NewWriter(w)
	for _, name := range paths {
		err := fs.WalkDir(files, path.Clean(name), func(name string, entry fs.DirEntry, err error) error {
			if err != nil || name == "." {
				return err
			}
			return packOne(archive, files, name, entry)
		})
		if err != nil {
			return err
		}
	}
	return archive.Close()
}

func packOne(archive *tar.Writer, files fs.FS, name string, entry fs.DirEntry) error {
	info, err := entry.Info()
	if err != nil {
		return err
	}
	target := ""
	if info.Mode().Type() == fs.ModeSymlink {
		if target, err = fs.ReadLink(files, name); err != nil {
			return err
		}
	}
	header, err := tar.FileInfoHeader(info, target)
	if err != nil {
		return err
	}
	header.Name = name
	if err := archive.WriteHeader(header); err != nil || !info.Mode().IsRegular() {
		return err
	}
	file, err := files.Open(name)
	if err != nil {
		return err
	}
	defer closeReadOnly(file)
	_, err = io.Copy(archive, file)
	return err
}
