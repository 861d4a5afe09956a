package cluster

import (
	"context"
	"path/filepath"

	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/debian"
)

// busybox returns the path of the busybox that the images are made of, and says
// which it is. One that is not recent will do where no other is to be had.
func (c *Cluster) busybox(ctx context.Context) (string, error) {
	folder := filepath.Join(c.Cache, "busybox")
	busybox := debian.FindBusybox(ctx, folder)
	if busybox.Path == "" {
		err := c.report.Step(ctx, "getting a static busybox", func(ctx context.Context) (err error) {
			busybox, err = debian.UnpackBusybox(ctx, folder)
			return err
		})
		if err != nil {
			return "", err
		}
	}
	if !busybox.Recent() {
		later, err := c.laterBusybox(ctx, folder, busybox)
		switch {
		case err == nil:
			busybox = later
		case ctx.Err() != nil:
			return "", ctx.Err()
		default:
			c.report.Say("no later busybox is to be had here, so copies will be slower than elsewhere: %v", err)
		}
	}
	c.report.Say("images are made of busybox %s, %s", busybox.Version, busybox.Path)
	return busybox.Path, nil
}

func (c *Cluster) laterBusybox(ctx context.Context, folder string, than debian.Busybox) (later debian.Busybox, err error) {
	title := "getting a later busybox than " + than.Version + " from Debian's " + debian.LaterRelease
	err = c.report.Step(ctx, title, func(ctx context.Context) error {
		later, err = debian.UnpackLaterBusybox(ctx, folder)
		return err
	})
	return later, err
}
