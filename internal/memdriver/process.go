package memdriver

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
)

const (
	noExitCode  = 125 // the contract's, where there is no exit code
	cannotStart = 128 // what the kubelet gives a program that cannot be started
)

var errRemoved = errors.New("it was removed")

// stdinError is the cause for which a process is killed that cannot be given all of its standard input.
type stdinError struct{ error }

// program is what to run, and where.
type program struct {
	args, env []string
	dir       string
}

type streams struct {
	stdin          io.Reader // nil: none
	stdout, stderr io.Writer
}

// command prepares a program. It is killed, with its process group, when ctx ends.
func (p program) command(ctx context.Context) *exec.Cmd {
	args := p.args
	if len(args) == 0 {
		args = []string{""} // the image's entrypoint, if there were images
	}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env, cmd.Dir = p.env, p.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return killGroup(cmd) }
	return cmd
}

// killGroup kills what is left of the program and its children. There may be nothing.
func killGroup(cmd *exec.Cmd) error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }

// execute runs a program to its end, or to that of ctx. Its children end with it, as those of a container's first process do,
// and so the pipes close and all of its output has arrived on return.
func (p program) execute(ctx context.Context, streams streams) status {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	cmd := p.command(ctx)
	var output sync.WaitGroup
	closePipes, err := connect(&output, cmd, streams)
	if err != nil {
		return failed(noExitCode, reasonStart, err)
	}
	feed, err := feeder(cancel, cmd, streams.stdin)
	if err == nil {
		err = cmd.Start()
	}
	closePipes() // the program has its own copies
	if err != nil {
		output.Wait()
		return failed(cannotStart, reasonStart, err)
	}
	go feed()
	err = cmd.Wait()
	_ = killGroup(cmd)
	output.Wait()
	return statusOf(cmd, err, context.Cause(ctx))
}

// connect starts a copier for each output stream. With pipes of our own cmd.Wait does not wait for their end, which
// only killing the children brings about.
func connect(output *sync.WaitGroup, cmd *exec.Cmd, streams streams) (closePipes func(), err error) {
	outReader, outWriter, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	errReader, errWriter, err := os.Pipe()
	if err != nil {
		_, _ = outReader.Close(), outWriter.Close()
		return nil, err
	}
	cmd.Stdout, cmd.Stderr = outWriter, errWriter
	output.Go(func() { drain(streams.stdout, outReader) })
	output.Go(func() { drain(streams.stderr, errReader) })
	return func() { _, _ = outWriter.Close(), errWriter.Close() }, nil
}

// drain reads on when the writer fails, so that the program never blocks on a full pipe.
func drain(w io.Writer, r io.ReadCloser) {
	defer closeReadOnly(r)
	if _, err := io.Copy(w, r); err != nil {
		_, _ = io.Copy(io.Discard, r)
	}
}

// feeder returns what gives the program its standard input. It ends with the program, or when a Read that blocks returns.
func feeder(cancel context.CancelCauseFunc, cmd *exec.Cmd, stdin io.Reader) (func(), error) {
	if stdin == nil {
		return func() {}, nil // exec opens the null device
	}
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	return func() {
		reader := &errorKeeper{Reader: stdin}
		_, _ = io.Copy(pipe, reader) // a program may end without reading
		if reader.err != nil {
			cancel(stdinError{reader.err}) // and no Close: a clean end of the input would be a lie
			return
		}
		_ = pipe.Close()
	}, nil
}

// errorKeeper tells an error of the reader from one of the writer.
type errorKeeper struct {
	io.Reader
	err error
}

func (k *errorKeeper) Read(p []byte) (int, error) {
	n, err := k.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		k.err = err
	}
	return n, err
}
