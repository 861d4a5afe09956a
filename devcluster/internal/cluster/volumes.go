package cluster

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
)

// volumesFolder is where the controller manager's host-path provisioner makes a
// folder for each volume. It cannot be told another place
// (pkg/volume/hostpath/host_path.go), so all clusters of a machine share it.
const volumesFolder = "/tmp/hostpath_pv"

// volumePath is how the specification of such a volume says where it is.
var volumePath = regexp.MustCompile(regexp.QuoteMeta(volumesFolder) + `/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}`)

// makeVolumesFolder makes the shared folder so that the clusters of every user
// can add to it, and none can remove another's.
func (c *Cluster) makeVolumesFolder() error {
	err := os.Mkdir(volumesFolder, 0o777)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return os.Chmod(volumesFolder, 0o777|fs.ModeSticky) // whatever the umask is
}

// removeVolumes removes the folders of all volumes that the cluster ever made
// and did not remove itself. Their names are in etcd's files, which can be read
// when nothing runs any more, too; they are random, hence nobody else's.
func (c *Cluster) removeVolumes() error {
	paths, err := volumePaths(c.Path("etcd"))
	if err != nil {
		return fmt.Errorf("looking for volumes in etcd's files: %w", err)
	}
	for path := range paths {
		if err := os.RemoveAll(path); err != nil {
			return fmt.Errorf("removing a volume: %w", err)
		}
	}
	_ = os.Remove(volumesFolder) // only succeeds if it is empty
	return nil
}

func volumePaths(dir string) (map[string]bool, error) {
	paths := map[string]bool{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return ignoreMissing(err)
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

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
