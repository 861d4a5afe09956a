package driver

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"testing/fstest"
)

// works are what another process may do in place of running a task.
var works = map[string]func(l life, ctx context.Context, d *Driver) (report, error){
	"copy":     life.copy,
	"copy in":  life.copyIn,
	"copy out": life.copyOut,
	"sandbox":  life.useSandbox,
}

// work does a work and ends the driver. It reports on stdout, unless that has got what was copied.
func (l life) work(ctx context.Context, d *Driver) error {
	found, err := works[l.Work](l, ctx, d)
	if l.Close {
		err = errors.Join(err, d.Close())
	} else {
		d.Disconnect()
	}
	if err != nil || l.Work == "copy out" {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(found)
}

// copy makes a volume, copies a file in and out again, and reports what has come.
func (l life) copy(ctx context.Context, d *Driver) (found report, err error) {
	if _, err := d.CreateVolume(ctx, "volume", 0); err != nil {
		return found, err
	}
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	err = errors.Join(w.AddFS(fstest.MapFS{"file": {Data: []byte("text\n"), Mode: 0o644}}), w.Close())
	if err == nil {
		err = d.CopyToVolume(ctx, "volume", &archive)
	}
	if err != nil {
		return found, err
	}
	stream, err := d.ReadFilesFromVolume(ctx, "volume", "file")
	if err != nil {
		return found, err
	}
	defer stream.Close()
	found.Output, err = onlyFile(stream)
	return found, err
}

// onlyFile is the content of the one file of an archive.
func onlyFile(archive io.Reader) (string, error) {
	r := tar.NewReader(archive)
	if _, err := r.Next(); err != nil {
		return "", err
	}
	content, err := io.ReadAll(r)
	if err != nil {
		return "", err
	}
	if _, err := r.Next(); !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("after the file: %w", err)
	}
	return string(content), nil
}

// copyIn copies its stdin.
func (l life) copyIn(ctx context.Context, d *Driver) (report, error) {
	return report{}, d.CopyToVolume(ctx, "volume", os.Stdin)
}

// copyOut copies to its stdout.
func (l life) copyOut(ctx context.Context, d *Driver) (report, error) {
	stream, err := d.CopyFromVolume(ctx, "volume")
	if err != nil {
		return report{}, err
	}
	_, err = io.Copy(os.Stdout, stream)
	return report{}, errors.Join(err, stream.Close())
}

// useSandbox runs the task's command in the sandbox of the task's ID, and removes that.
func (l life) useSandbox(ctx context.Context, d *Driver) (found report, err error) {
	s, err := d.GetSandbox(ctx, l.Task.ID)
	if err != nil {
		return found, err
	}
	var output bytes.Buffer
	end, err := s.Exec(ctx, l.Task.Command, l.Task.Env, l.Task.WorkDir, bytes.NewBufferString(l.Stdin), &output, nil)
	if err != nil {
		return found, err
	}
	found.Code, found.Output = end.ExitCode(), output.String()
	return found, s.Cleanup(ctx)
}
