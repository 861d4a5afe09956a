// Package hostpath looks after the folders that the controller manager's
// host-path provisioner makes for volumes.
package hostpath

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"syscall"
)

// Folder has a folder for each volume. The provisioner cannot be told another
// place (pkg/volume/hostpath/host_path.go), so all clusters of a machine share it.
const Folder = "/tmp/hostpath_pv"

// volumePath is how the specification of such a volume says where it is.
var volumePath = regexp.MustCompile(regexp.QuoteMeta(Folder) + `/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}`)

// Prepare makes the shared folder so that the clusters of every user can add to
// it, and none can remove another's. A file that stands for the cluster id keeps
// it there: the folder goes with the last cluster, and not under one that runs.
func Prepare(id string) error { return prepare(Folder, id) }

func prepare(folder, id string) error {
	for {
		if err := os.Mkdir(folder, 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		// Whatever the umask is, and whoever made it. Only its owner and root can.
		if err := chmodFolder(folder, 0o777|fs.ModeSticky); err != nil && !errors.Is(err, fs.ErrPermission) && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		err := os.WriteFile(keeper(folder, id), nil, 0o600)
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		// Another cluster removed it in between.
	}
}

// chmodFolder changes the mode of a folder, and of nothing else: it fails with
// ENOTDIR or ELOOP if path is a file or a link. Everybody may put links into /tmp
// and into what is in it, and root must not be led elsewhere, whenever they do.
func chmodFolder(path string, mode fs.FileMode) error {
	folder, err := os.OpenFile(path, os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	defer func() { _ = folder.Close() }()
	return folder.Chmod(mode)
}

func keeper(folder, id string) string { return filepath.Join(folder, ".devcluster-"+id) }

// Remove removes the folders of all volumes that the cluster id ever made and
// did not remove itself. Their names are in the files of its etcd, which can be
// read when nothing runs any more, too; they are random, hence nobody else's.
func Remove(id, etcd string) error {
	paths, err := find(etcd)
	if err != nil {
		return fmt.Errorf("looking for volumes in etcd's files: %w", err)
	}
	for path := range paths {
		if err := os.RemoveAll(path); err != nil {
			return fmt.Errorf("removing a volume: %w", err)
		}
	}
	return release(Folder, id)
}

func release(folder, id string) error {
	if err := os.Remove(keeper(folder, id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("letting go of %s: %w", folder, err)
	}
	_ = os.Remove(folder) // only succeeds if no cluster is left
	return nil
}

func find(etcd string) (map[string]bool, error) {
	paths := map[string]bool{}
	err := filepath.WalkDir(etcd, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, match := range volumePath.FindAll(content, -1) {
			paths[string(match)] = true
		}
		return nil
	})
	return paths, err
}
