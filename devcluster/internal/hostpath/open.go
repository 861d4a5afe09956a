package hostpath

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/fsnotify/fsnotify"
)

// Open lets every user write to every volume below folder, those to come
// included, until ctx ends. The provisioner makes them for root alone, and the
// kubelet does not change the owner of a host path as it would of a disk, so
// a task that is not root could not use its volume.
func Open(ctx context.Context, folder string) error {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("watching %s: %w", folder, err)
	}
	defer func() { _ = watcher.Close() }()
	if err := watcher.Add(folder); err != nil {
		return fmt.Errorf("watching %s: %w", folder, err)
	}
	existing, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	for _, volume := range existing {
		if err := open(filepath.Join(folder, volume.Name())); err != nil {
			return err
		}
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case event := <-watcher.Events:
			if event.Name == folder && event.Has(fsnotify.Remove) {
				return fmt.Errorf("watching %s: somebody removed it", folder)
			}
			if event.Has(fsnotify.Create) {
				if err := open(event.Name); err != nil {
					return err
				}
			}
		case err := <-watcher.Errors:
			return fmt.Errorf("watching %s: %w", folder, err)
		}
	}
}

// open opens one volume, which may be gone already. What is no folder is not a
// volume: anybody may put a file or a link here.
func open(volume string) error {
	err := chmodFolder(volume, 0o777)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.ELOOP) {
		return nil
	}
	return err
}
