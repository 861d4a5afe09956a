// Package archive turns files into a tar stream and back, in constant memory.
package archive

import (
	"archive/tar"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

// Pack writes a file, a link or a directory under the name that it gets in the archive; "" is for directories, whose content then lies at the
// top. Modes, times and symlinks are kept, owners are not. Sockets, pipes and devices are errors.
func Pack(ctx context.Context, w io.Writer, source, as string) error {
	archive := tar.NewWriter(w)
	err := filepath.WalkDir(source, func(file string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		relative, err := filepath.Rel(source, file)
		if err != nil {
			return err
		}
		name := path.Join(as, filepath.ToSlash(relative))
		if name == "." {
			return nil
		}
		return packOne(archive, file, name)
	})
	if err != nil {
		return fmt.Errorf("packing %q: %w", source, err)
	}
	return archive.Close()
}

func packOne(archive *tar.Writer, name, as string) error {
	info, err := os.Lstat(name)
	if err != nil {
		return err
	}
	if mode := info.Mode(); !mode.IsRegular() && !mode.IsDir() && mode&fs.ModeSymlink == 0 {
		return fmt.Errorf("%s is a %s, which cannot be copied", name, mode.Type())
	}
	target := ""
	if info.Mode()&fs.ModeSymlink != 0 {
		if target, err = os.Readlink(name); err != nil {
			return err
		}
	}
	header, err := tar.FileInfoHeader(info, target)
	if err != nil {
		return err
	}
	header.Name, header.Uid, header.Gid, header.Uname, header.Gname = as, 0, 0, "", ""
	if info.IsDir() {
		header.Name += "/"
	}
	header.Format = tar.FormatPAX
	if err := archive.WriteHeader(header); err != nil || !info.Mode().IsRegular() {
		return err
	}
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = io.Copy(archive, file)
	return err
}

// Size is how many bytes Pack writes of files' contents, for a progress bar.
func Size(source string) (int64, error) {
	var size int64
	err := filepath.WalkDir(source, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			size += info.Size()
		}
		return err
	})
	return size, err
}
