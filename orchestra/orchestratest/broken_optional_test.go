package orchestratest

import (
	"context"
	"errors"
	"io"
	"path"
	"strings"
	"sync/atomic"

	"github.com/orchestra-ci/orchestra-k8s/internal/memdriver"
	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

// brokenCopier is a driver whose copies work except for what is set in it.
type brokenCopier struct {
	*memdriver.Driver
	in  func(ctx context.Context, d *memdriver.Driver, volume string, r io.Reader) error
	out func(files map[string]string) map[string]string
}

func (b brokenCopier) CopyToVolume(ctx context.Context, volume string, r io.Reader) error {
	if b.in != nil {
		return b.in(ctx, b.Driver, volume, r)
	}
	return b.Driver.CopyToVolume(ctx, volume, r)
}

func (b brokenCopier) CopyFromVolume(ctx context.Context, volume string) (io.ReadCloser, error) {
	return b.edit(b.Driver.CopyFromVolume(ctx, volume))
}

// ReadFilesFromVolume is broken in three ways at once: it returns everything, needs no volume and lets paths climb.
func (b brokenCopier) ReadFilesFromVolume(ctx context.Context, volume string, _ ...string) (io.ReadCloser, error) {
	stream, err := b.CopyFromVolume(ctx, volume)
	if err != nil {
		return io.NopCloser(archive(nil)), nil
	}
	return stream, nil
}

func (b brokenCopier) edit(stream io.ReadCloser, err error) (io.ReadCloser, error) {
	if err != nil || b.out == nil {
		return stream, err
	}
	files, err := unpack(stream)
	return io.NopCloser(archive(b.out(files))), err
}

// brokenSandboxes is a driver whose sandboxes work except for what is set in it.
type brokenSandboxes struct {
	*memdriver.Driver
	start func(context.Context, *memdriver.Driver, orchestra.Task) (orchestra.Sandbox, error)
	exec  func(context.Context, orchestra.Sandbox, execution) (orchestra.ContainerStatus, error)
}

// execution holds the arguments of Exec.
type execution struct {
	call
	stdout, stderr io.Writer
}

func (e execution) on(ctx context.Context, s orchestra.Sandbox) (orchestra.ContainerStatus, error) {
	return s.Exec(ctx, e.cmd, e.env, e.workDir, e.stdin, e.stdout, e.stderr)
}

func (b brokenSandboxes) StartSandbox(ctx context.Context, task orchestra.Task) (orchestra.Sandbox, error) {
	if b.start != nil {
		return b.start(ctx, b.Driver, task)
	}
	s, err := b.Driver.StartSandbox(ctx, task)
	return brokenSandbox{s, b.exec}, err
}

type brokenSandbox struct {
	orchestra.Sandbox
	exec func(context.Context, orchestra.Sandbox, execution) (orchestra.ContainerStatus, error)
}

func (b brokenSandbox) Exec(ctx context.Context, cmd []string, env map[string]string, workDir string, //nolint:revive // the contract's
	stdin io.Reader, stdout, stderr io.Writer,
) (orchestra.ContainerStatus, error) {
	return b.exec(ctx, b.Sandbox, execution{call{cmd, env, workDir, stdin}, stdout, stderr})
}

type optionalBreakage struct {
	name, rule string
	wrap       func(*memdriver.Driver) orchestra.Driver
}

func copying(b brokenCopier) func(*memdriver.Driver) orchestra.Driver {
	return func(d *memdriver.Driver) orchestra.Driver {
		outer := b
		outer.Driver = d
		return outer
	}
}

func executing(exec func(context.Context, orchestra.Sandbox, execution) (orchestra.ContainerStatus, error)) func(*memdriver.Driver) orchestra.Driver {
	return func(d *memdriver.Driver) orchestra.Driver { return brokenSandboxes{Driver: d, exec: exec} }
}

func starting(start func(context.Context, *memdriver.Driver, orchestra.Task) (orchestra.Sandbox, error)) func(*memdriver.Driver) orchestra.Driver {
	return func(d *memdriver.Driver) orchestra.Driver { return brokenSandboxes{Driver: d, start: start} }
}

var optionalBreakages = []optionalBreakage{
	{"modes and links are lost", "copied files reach a task", copying(brokenCopier{in: filesOnly})},
	{"directories are flattened", "what was copied in comes out", copying(brokenCopier{out: func(files map[string]string) map[string]string {
		flat := map[string]string{}
		for name, content := range files {
			flat[path.Base(name)] = content
		}
		return flat
	}})},
	{"names are absolute", "files of a task can be copied out", copying(brokenCopier{out: func(files map[string]string) map[string]string {
		absolute := map[string]string{}
		for name, content := range files {
			absolute["/tmp/volume/"+name] = content
		}
		return absolute
	}})},
	{"everything is read", "single files can be read", copying(brokenCopier{})},
	{"missing files are left out", "missing files are named", copying(brokenCopier{})},
	{"paths may climb", "nothing is read or written outside of the volume", copying(brokenCopier{})},
	{"unknown volumes are empty", "unknown volumes are errors", copying(brokenCopier{})},
	{"copies do not replace", "a copy may be repeated", copying(brokenCopier{in: copyOnce()})},
	{"cut archives are fine", "a cut archive is an error", copying(brokenCopier{
		in: func(ctx context.Context, d *memdriver.Driver, volume string, r io.Reader) error {
			_ = d.CopyToVolume(ctx, volume, r)
			return nil
		},
	})},

	{"every exit code is 0", "exec reports exit codes", executing(func(ctx context.Context, s orchestra.Sandbox, e execution) (orchestra.ContainerStatus, error) {
		status, err := e.on(ctx, s)
		return fixedStatus{err == nil && status.IsDone(), 0}, err
	})},
	{"streams are merged", "exec keeps the streams apart", executing(func(ctx context.Context, s orchestra.Sandbox, e execution) (orchestra.ContainerStatus, error) {
		both, out := newTap(), e.stdout
		e.stdout, e.stderr = both, both
		status, err := e.on(ctx, s)
		_, writeErr := io.WriteString(out, both.String())
		return status, errors.Join(err, writeErr)
	})},
	{"arguments are joined for a shell", "exec takes everything literally", executing(func(ctx context.Context, s orchestra.Sandbox, e execution) (orchestra.ContainerStatus, error) {
		e.cmd = []string{"sh", "-c", strings.Join(e.cmd, " ")}
		return e.on(ctx, s)
	})},
	{"stdin is ignored", "exec passes stdin", executing(func(ctx context.Context, s orchestra.Sandbox, e execution) (orchestra.ContainerStatus, error) {
		e.stdin = nil
		return e.on(ctx, s)
	})},
	{"contexts are ignored", "exec ends with its context", executing(func(ctx context.Context, s orchestra.Sandbox, e execution) (orchestra.ContainerStatus, error) {
		context.AfterFunc(ctx, func() { _ = s.Cleanup(context.Background()) }) // not to leave the process behind
		_, _ = e.on(context.WithoutCancel(ctx), s)
		return fixedStatus{true, 0}, nil
	})},
	{"a removed sandbox does as if", "a removed sandbox runs nothing", executing(func(context.Context, orchestra.Sandbox, execution) (orchestra.ContainerStatus, error) {
		return fixedStatus{true, 0}, nil
	})},
	{"each command has a place of its own", "files stay between commands", executing(func(ctx context.Context, s orchestra.Sandbox, e execution) (orchestra.ContainerStatus, error) {
		e.cmd = append([]string{"sh", "-c", `cd "$(mktemp -d)" && "$@"; rm -r "$PWD"`, "sh"}, e.cmd...)
		return e.on(ctx, s)
	})},
	{"commands take turns", "commands run side by side", executing(inTurns())},
	{"starting again starts another", "starting again returns the same sandbox", starting(
		func(ctx context.Context, d *memdriver.Driver, task orchestra.Task) (orchestra.Sandbox, error) {
			task.ID += strings.Repeat("x", int(callCount.Add(1)))
			return d.StartSandbox(ctx, task)
		})},
	{"nothing is validated", "bad sandboxes are refused", starting(
		func(ctx context.Context, d *memdriver.Driver, task orchestra.Task) (orchestra.Sandbox, error) {
			task.Image = "busybox"
			return d.StartSandbox(ctx, task)
		})},
}

// inTurns runs one command after another.
func inTurns() func(context.Context, orchestra.Sandbox, execution) (orchestra.ContainerStatus, error) {
	turn := make(chan struct{}, 1)
	return func(ctx context.Context, s orchestra.Sandbox, e execution) (orchestra.ContainerStatus, error) {
		turn <- struct{}{}
		defer func() { <-turn }()
		return e.on(ctx, s)
	}
}

// copyOnce copies for the first time only.
func copyOnce() func(context.Context, *memdriver.Driver, string, io.Reader) error {
	var copied atomic.Bool
	return func(ctx context.Context, d *memdriver.Driver, volume string, r io.Reader) error {
		if copied.Swap(true) {
			return errors.New("file exists")
		}
		return d.CopyToVolume(ctx, volume, r)
	}
}

// filesOnly copies the regular files of an archive, without their modes.
func filesOnly(ctx context.Context, d *memdriver.Driver, volume string, r io.Reader) error {
	files, err := unpack(io.NopCloser(r))
	if err != nil {
		return err
	}
	return d.CopyToVolume(ctx, volume, archive(files))
}
