package driver

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
	"github.com/orchestra-ci/orchestra-k8s/render"
)

var _ orchestra.VolumeDataAccessor = (*Driver)(nil)

// CopyToVolume unpacks a tar stream of any size into a volume that exists, over what is there, through a helper pod. It returns nil only
// if the archive has come to its end mark, the helper has unpacked all of it without an error, and both sides agree about its length and
// sha256. After an error, or when the process has died, a part of it may be there, its last file cut short under its own name, which only the
// missing nil tells from a whole. The same call may be repeated, also by another process, and completes it.
//
// Files, directories, hard links and symlinks arrive with their modes and times (in whole seconds), and with their owners if the helper
// runs as root; but a symlink's own time is not kept, nor that of a directory that holds hard links, or symlinks with a "..", which busybox
// makes last. What would lie outside of the volume is refused: absolute paths, "..", links that leave it, entries behind links.
func (d *Driver) CopyToVolume(ctx context.Context, volumeName string, reader io.Reader) error {
	ctx, leave, err := d.enter(ctx)
	if err != nil {
		return fmt.Errorf("copying to volume %q: %w", volumeName, err)
	}
	defer leave()
	h, err := d.helpers.acquire(ctx, volumeName)
	if err == nil {
		err = h.unpack(ctx, reader)
		d.helpers.release(ctx, h, err)
	}
	if err != nil {
		return fmt.Errorf("copying to volume %q: %w", volumeName, closedOr(ctx, err))
	}
	return nil
}

// unpack sends an archive to the helper.
func (h *helper) unpack(ctx context.Context, archive io.Reader) error {
	copying, stop := context.WithCancel(ctx)
	defer stop()
	report := &copyReport{word: rand.Text(), failed: stop}
	sent := newMeasure()
	stream, writer := io.Pipe()
	fed := &endReader{Reader: io.TeeReader(stream, sent)}
	defer stream.Close() // ends the goroutine, unless archive blocks
	go func() { writer.CloseWithError(repackTo(writer, archive)) }()
	_, err := h.c.exec(copying, process{
		pod: h.c.pod(), tool: helperTool, command: []string{helperTool, "sh", "-c", framed(unpackScript), "sh", report.word}, dir: h.dir(),
		stdin: fed, stdout: io.Discard, stderr: report, frame: copyFrame, bulk: true,
	})
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return firstProblem(report.problem(), err)
	case !fed.ended.Load(): // and may still be measured
		return firstProblem(report.problem(), report.failure("the helper has stopped before the archive's end, as a process of it was killed", true))
	}
	return report.verify(sent)
}

func repackTo(w io.Writer, archive io.Reader) error {
	buffered := bufio.NewWriterSize(w, copyFrame)
	p := newRepacker(buffered)
	p.prefix, p.deferred = "./", true
	if err := p.run(archive); err != nil {
		return err
	}
	if err := p.finish(); err != nil {
		return err
	}
	return buffered.Flush()
}

func firstProblem(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (h *helper) dir() string { return render.WorkDir(h.c.id, helperMount) }

// CopyFromVolume is ReadFilesFromVolume for all that is in the volume.
func (d *Driver) CopyFromVolume(ctx context.Context, volumeName string) (io.ReadCloser, error) {
	return d.read(ctx, volumeName, []string{"."})
}

// ReadFilesFromVolume returns the given files and directories, with all that is in them, as a tar stream. Names in it are relative to the
// volume. The stream's end mark comes only when the helper and the driver agree about the length and the sha256 of what was packed, so
// whoever reads to it has got everything; otherwise the stream ends with an error: also when a path does not exist or leaves the volume, when
// something in it is neither file nor directory nor link, and when a link in it leaves the volume.
//
// The caller closes the stream, also before its end; Close waits for the helper. ctx bounds the reading, too.
func (d *Driver) ReadFilesFromVolume(ctx context.Context, volumeName string, filePaths ...string) (io.ReadCloser, error) {
	var problems []error
	if len(filePaths) == 0 {
		problems = append(problems, errors.New("no path is given"))
	}
	var paths []string
	for _, file := range filePaths {
		clean, err := cleanPath(file)
		if err != nil {
			problems = append(problems, fmt.Errorf("path %q: %w", file, err))
		}
		paths = append(paths, clean)
	}
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("copying from volume %q: %w", volumeName, err)
	}
	slices.Sort(paths)
	return d.read(ctx, volumeName, slices.Compact(paths))
}

// read packs clean paths in the background.
func (d *Driver) read(ctx context.Context, volume string, paths []string) (io.ReadCloser, error) {
	ctx, leave, err := d.enter(ctx)
	if err != nil {
		return nil, fmt.Errorf("copying from volume %q: %w", volume, err)
	}
	h, err := d.helpers.acquire(ctx, volume)
	if err != nil {
		defer leave()
		return nil, fmt.Errorf("copying from volume %q: %w", volume, closedOr(ctx, err))
	}
	reader, writer := io.Pipe()
	stream := &volumeStream{PipeReader: reader, done: make(chan struct{})}
	stop := context.AfterFunc(ctx, func() {
		writer.CloseWithError(fmt.Errorf("copying from volume %q: %w", volume, closedOr(ctx, ctx.Err())))
	})
	d.wg.Go(func() {
		defer leave()
		defer close(stream.done)
		defer stop()
		err := h.pack(ctx, writer, paths)
		d.helpers.release(ctx, h, err)
		if err != nil {
			err = fmt.Errorf("copying from volume %q: %w", volume, closedOr(ctx, err))
		}
		writer.CloseWithError(err)
	})
	return stream, nil
}

// volumeStream is what the caller reads.
type volumeStream struct {
	*io.PipeReader
	done chan struct{} // when the helper has nothing more to do for it
}

// Close ends the copy. It may be called before the end, and again.
func (s *volumeStream) Close() error {
	err := s.PipeReader.Close()
	<-s.done
	return err
}

// pack writes an archive of the paths to w. Its end mark is written last, after the proof.
func (h *helper) pack(ctx context.Context, w io.Writer, paths []string) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	stream, raw := io.Pipe()
	packed := make(chan struct{})
	go func() {
		defer close(packed)
		raw.CloseWithError(h.produce(ctx, raw, paths))
	}()
	buffered := bufio.NewWriterSize(w, copyBuffer)
	p := newRepacker(buffered)
	err := p.run(stream)
	if err == nil {
		err = p.finish()
	}
	if err == nil {
		err = buffered.Flush()
	}
	if err != nil {
		stream.CloseWithError(err)
		stop()
	}
	<-packed
	return err
}

// produce has the helper pack the paths, and checks what has come. Its error is that of the stream.
func (h *helper) produce(ctx context.Context, w io.Writer, paths []string) error {
	report := &copyReport{word: rand.Text(), paths: paths}
	came := newMeasure()
	command := []string{helperTool, "sh", "-c", framed(packScript), "sh", report.word}
	for _, file := range paths {
		command = append(command, "./"+file)
	}
	_, err := h.c.exec(ctx, process{
		pod: h.c.pod(), tool: helperTool, command: command, dir: h.dir(), stdout: io.MultiWriter(came, w), stderr: report, frame: stdinFrame, bulk: true,
	})
	if err != nil {
		return firstProblem(report.problem(), err)
	}
	return report.verify(came)
}
