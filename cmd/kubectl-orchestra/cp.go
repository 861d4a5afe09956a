package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/orchestra-ci/orchestra-k8s/driver"
	"github.com/orchestra-ci/orchestra-k8s/internal/archive"
	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

func newCp(c *cli) *cobra.Command {
	return &cobra.Command{
		Use:   "cp SOURCE TARGET",
		Short: "Copy files into a volume or out of it",
		Long: `Copy files into a volume or out of it. One of SOURCE and TARGET is VOLUME: or VOLUME:PATH, the other is a file or a directory here, or - for a tar stream.
Of a directory the content is copied into TARGET. A file becomes TARGET, or lies in it under its own name if TARGET is a directory here, is VOLUME: alone or
ends with a slash. What arrives is compared with what was sent; a copy that is cut is an error.`,
		Example: `  mkdir -p results && date > results/now
  kubectl orchestra cp results cache:from-here
  kubectl orchestra cp cache: copied
  kubectl orchestra cp cache:from-here/now now.txt
  kubectl orchestra cp cache:from-here/now - | tar -t`,
		Args: cobra.ExactArgs(2),
		RunE: func(command *cobra.Command, args []string) error {
			source, target := parsePlace(args[0]), parsePlace(args[1])
			if (source.volume == "") == (target.volume == "") {
				return usageError{fmt.Errorf("copying %q to %q: one of them has to be a volume, as in cache: or cache:path", args[0], args[1])}
			}
			return c.with(command.Context(), func(d *driver.Driver) error {
				volumes, ok := any(d).(orchestra.VolumeDataAccessor)
				if !ok {
					return errors.New("copying: this driver cannot copy")
				}
				if source.volume == "" {
					return c.copyIn(command.Context(), volumes, source.path, target)
				}
				return c.copyOut(command.Context(), volumes, source, target.path)
			})
		},
	}
}

// place is one end of a copy.
type place struct {
	volume string // "" for a path on this machine
	path   string
}

// parsePlace takes for a path what begins like one, as ./a:b does.
func parsePlace(text string) place {
	volume, path, found := strings.Cut(text, ":")
	if !found || volume == "" || filepath.IsAbs(text) || strings.HasPrefix(text, ".") {
		return place{path: text}
	}
	return place{volume: volume, path: path}
}

// stream is a path that means standard input or output.
const stream = "-"

func (c *cli) copyIn(ctx context.Context, volumes orchestra.VolumeDataAccessor, source string, target place) error {
	if source == stream {
		if target.path != "" {
			return usageError{errors.New("copying a stream: the names in it say where to, so a path after the volume has no meaning")}
		}
		return volumes.CopyToVolume(ctx, target.volume, c.in)
	}
	file, err := filepath.EvalSymlinks(source)
	if err != nil {
		return fmt.Errorf("copying %q: %w", source, err)
	}
	as, err := nameIn(target.path, source)
	if err != nil {
		return fmt.Errorf("copying %q: %w", source, err)
	}
	total, err := archive.Size(file)
	if err != nil {
		return fmt.Errorf("copying %q: %w", source, err)
	}
	reader, writer := io.Pipe()
	packed := make(chan struct{})
	go func() {
		defer close(packed)
		writer.CloseWithError(archive.Pack(ctx, writer, file, as))
	}()
	meter := c.newMeter(total)
	err = volumes.CopyToVolume(ctx, target.volume, io.TeeReader(reader, meter))
	meter.end()
	_ = reader.CloseWithError(errCopyEnded) // so that Pack ends, too
	<-packed
	return err
}

// nameIn is what a file or directory here is called in a volume.
func nameIn(target, source string) (string, error) {
	info, err := os.Stat(source)
	if err != nil {
		return "", err
	}
	if !info.IsDir() && (target == "" || strings.HasSuffix(target, "/")) {
		return path.Join(target, filepath.Base(source)), nil
	}
	return target, nil
}

var errCopyEnded = errors.New("the copy has ended")

func (c *cli) copyOut(ctx context.Context, volumes orchestra.VolumeDataAccessor, source place, target string) (err error) {
	var reader io.ReadCloser
	if source.path == "" {
		reader, err = volumes.CopyFromVolume(ctx, source.volume)
	} else {
		reader, err = volumes.ReadFilesFromVolume(ctx, source.volume, source.path)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, reader.Close()) }()
	if target == stream {
		_, err = io.Copy(c.out, reader)
		return err
	}
	meter := c.newMeter(0)
	defer meter.end()
	return archive.Unpack(io.TeeReader(reader, meter), source.path, target)
}
