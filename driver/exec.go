package driver

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// process is a command to run beside the first process of a running pod's task container.
type process struct {
	pod     podID
	tool    string // path of busybox in the container
	command []string
	env     map[string]string // added to the container's
	dir     string            // absolute; "": the container's own
	stdin   io.Reader         // nil: empty
	stdout  io.Writer
	stderr  io.Writer
	frame   int  // how much of stdin is sent at a time, in bytes
	bulk    bool // much will be sent or written
}

// Bounds of what follows the end of a process. Together the last two keep within the second in which a cancelled call returns.
const (
	byeTimeout  = 30 * time.Second       // for the container to take leave; its output has arrived by then
	killTimeout = 10 * time.Second       // for ending the process of a call that has failed
	killGrace   = 500 * time.Millisecond // of it, when the caller does not wait any longer
	lastOutput  = 300 * time.Millisecond // for a caller's writer that is still writing when the call has failed
)

// exec runs a process to its end and returns its exit code. There is one only if everything that the process wrote has arrived, and its
// stdin has not been cut; a process whose whole group was killed is a *killedError. After an error the process is ended with its process
// group; a reader that blocks is left to end by itself.
//
// over says why the pod takes no more processes, if that is so. While it does not, a request that fails for a time is repeated: what it
// starts does nothing before it is sent a program.
func (d *Driver) exec(ctx context.Context, p process, over func() error) (int, error) {
	stream, err := d.connect(ctx, p.pod, over, func(ctx context.Context) (execStream, error) {
		return d.dialExec(ctx, p, []string{p.tool, "sh", "-c", execBoot, p.tool})
	})
	if err != nil {
		return 0, err
	}
	e := newExecution(p, stream)
	return d.finish(ctx, e, over, e.run)
}

// connect dials until it is answered, or there is nobody to answer.
func (d *Driver) connect(ctx context.Context, pod podID, over func() error, dial dialer) (stream execStream, err error) {
	err = d.retry.do(ctx, "starting a process in "+podRef(d.namespace, pod.name).String(), func(ctx context.Context) (err error) {
		if stream, err = d.open(ctx, pod, dial); err == nil {
			return nil
		}
		return cmp.Or(over(), err)
	})
	return stream, err
}

// dialer starts a process that does nothing before it hears from its stdin what.
type dialer func(context.Context) (execStream, error)

// open dials once, and makes sure that it has reached no namesake of the pod.
func (d *Driver) open(ctx context.Context, pod podID, dial dialer) (execStream, error) {
	stream, err := dial(ctx)
	if err != nil {
		return nil, err
	}
	if err := d.confirm(ctx, pod); err != nil {
		_ = stream.Close()
		return nil, err
	}
	return stream, nil
}

// finish runs what has been connected, and ends the process of a call that fails.
func (d *Driver) finish(ctx context.Context, e *execution, over func() error, run func(context.Context) (int, error)) (int, error) {
	watched, stop := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() { d.watchOver(watched, e, over) })
	code, err := run(ctx)
	stop()
	watching.Wait()
	e.close(err == nil)
	if err != nil && e.pid() != "" && d.ctx.Err() == nil {
		d.kill(ctx, e.process, e.pid())
	}
	return code, err
}

// execution is one process and the connection to it.
type execution struct {
	process
	stream   execStream
	mark     string
	heard    *heard
	received chan attachAnswer // how the connection has ended
	done     chan struct{}     // when nothing more will be written to the caller
	motion   motion

	mu      sync.Mutex // held while a frame is sent
	leaving bool       // no more frames
}

func newExecution(p process, stream execStream) *execution {
	e := &execution{
		process: p, stream: stream, mark: newMark(), heard: newHeard(2), received: make(chan attachAnswer, 1), done: make(chan struct{}),
	}
	e.receive(p.stdout, io.MultiWriter(&e.heard.said, p.stderr))
	return e
}

// newMark is a word that nobody else knows.
func newMark() string { return string(markBegin) + rand.Text() }

// receive begins to hand on what arrives.
func (e *execution) receive(stdout, stderr io.Writer) {
	go func() {
		defer close(e.done)
		e.received <- e.stream.receive(e.reader(stdout), e.reader(stderr))
	}()
}

func (e *execution) reader(to io.Writer) io.Writer {
	return &movingWriter{&e.motion, &markReader{mark: []byte(e.mark), to: to, heed: e.heard.heed}}
}

// run starts the process, sends it its stdin, and waits for its end.
func (e *execution) run(ctx context.Context) (int, error) {
	defer context.AfterFunc(ctx, func() { _ = e.stream.Close() })() // ends writes that are under way
	program := []byte(e.program(e.mark))
	if err := e.write(len(program), program); err != nil {
		return 0, firstError(ctx, fmt.Errorf("sending the command: %w", err))
	}
	select {
	case <-e.heard.started:
	case answer := <-e.received:
		if !isClosed(e.heard.started) {
			return 0, firstError(ctx, e.heard.notStarted(answer))
		}
		e.received <- answer
	}
	fed := e.startFeeding()
	for {
		select {
		case <-e.heard.ended:
			return e.heard.code, firstError(ctx, e.leave(ctx))
		case <-e.heard.cut:
			return 0, errStdinCut
		case answer := <-e.received:
			code, err := e.over(answer)
			return code, firstError(ctx, err)
		case err := <-fed:
			if err != nil {
				code, err := e.notFed(err)
				return code, firstError(ctx, err)
			}
			fed = nil
		}
	}
}

// notFed judges a process that has not got all of its stdin. A connection that takes no more may still bring the server's word.
func (e *execution) notFed(err error) (int, error) {
	if _, broken := errors.AsType[*sendError](err); !broken {
		return 0, err
	}
	timer := time.NewTimer(answerGrace)
	defer timer.Stop()
	select {
	case answer := <-e.received:
		return e.over(answer)
	case <-timer.C:
		return 0, err
	}
}

// errStdinCut is the end of a process that may have taken a cut for the end of its stdin.
var errStdinCut = errors.New("its stdin may have been cut: what hands it on in the container was killed, or the connection broke before it had said that it was there to the end")

// over judges a connection that has ended. What hands on stdin goes after its "bye" only, so without that it was killed, or the connection cut.
func (e *execution) over(answer attachAnswer) (int, error) {
	code, err := e.heard.over(answer)
	switch {
	case isClosed(e.heard.cut):
		return 0, errStdinCut
	case err == nil && e.stdin != nil && !isClosed(e.heard.bye):
		if answer.err != nil {
			return 0, fmt.Errorf("%w: %w", errStdinCut, answer.err)
		}
		return 0, errStdinCut
	case err != nil && e.motion.lost.Load():
		return 0, errLost
	}
	return code, err
}

// firstError prefers the end of ctx to what it has led to.
func firstError(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// send sends stdin, or its end.
func (e *execution) send(data []byte) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.leaving {
		return nil
	}
	if len(data) == 0 {
		_, err := io.WriteString(e.stream, "0\n")
		return err
	}
	whole := len(data) - len(data)%stdinBlock
	if err := e.write(stdinBlock, data[:whole]); err != nil {
		return err
	}
	return e.write(len(data)-whole, data[whole:])
}

// write writes a frame of blocks of the size: this, and their number, then the blocks.
func (e *execution) write(size int, data []byte) error {
	if len(data) == 0 {
		return nil
	}
	if _, err := fmt.Fprintf(e.stream, "%d %d\n", size, len(data)/size); err != nil {
		return err
	}
	_, err := e.stream.Write(data)
	e.motion.moved.Add(1)
	return err
}

// leave tells the container that everything has arrived, and waits until it has heard that: a connection that ends before is a cut, and
// would end what the process has left in the background. For a process that was given stdin that it has is a proof, too: what hands it on
// was there to the end.
func (e *execution) leave(ctx context.Context) error {
	go e.sayBye()
	timer := time.NewTimer(byeTimeout)
	defer timer.Stop()
	select {
	case <-e.heard.bye:
		if isClosed(e.heard.cut) {
			return errStdinCut
		}
		return nil
	case answer := <-e.received:
		_, err := e.over(answer)
		return err
	case <-timer.C:
	case <-ctx.Done():
	}
	if e.stdin == nil {
		return nil
	}
	return errStdinCut
}

// sayBye waits for the frame that is being sent, which nobody may take any more; then it ends with the connection. An error shows itself to
// who receives.
func (e *execution) sayBye() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.leaving = true
	_, _ = io.WriteString(e.stream, "bye\n")
}

// close ends the connection. After it nothing is written to the caller, unless one of the caller's own writers blocks.
func (e *execution) close(patient bool) {
	_ = e.stream.Close() // all that matters is known
	timer := time.NewTimer(lastOutput)
	defer timer.Stop()
	select {
	case <-e.done:
	case <-timer.C:
		if patient {
			<-e.done
		}
	}
}

// pid is that of the process's group; "" if it was not started.
func (e *execution) pid() string {
	if isClosed(e.heard.started) {
		return e.heard.pid
	}
	return ""
}

// kill ends a process group. When ctx has ended it waits for half a second at most, and goes on in the background.
func (d *Driver) kill(ctx context.Context, p process, pid string) {
	killed := make(chan struct{})
	d.wg.Go(func() {
		defer close(killed)
		d.killGroup(ctx, p, pid)
	})
	select {
	case <-killed:
		return
	case <-ctx.Done():
	}
	timer := time.NewTimer(killGrace)
	defer timer.Stop()
	select {
	case <-killed:
	case <-timer.C:
	}
}

// killGroup asks for the end of a process group. The process may have ended by itself, and its connection has ended, which ends it too unless
// it stalls on its stdin; so a failure is only logged.
func (d *Driver) killGroup(ctx context.Context, p process, pid string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), killTimeout)
	defer cancel()
	if _, err := d.treat(ctx, p, pid, `kill -9 "-$pid"`); err != nil {
		d.log.WarnContext(ctx, "ending the process of a call that has failed", "pod", p.pod.name, "pid", pid, "error", err)
	}
}

// treat runs a short script that has to do with a process, which is "$pid" there, and returns its exit code.
func (d *Driver) treat(ctx context.Context, p process, pid, script string) (int, error) {
	p.bulk = false
	stream, err := d.open(ctx, p.pod, func(ctx context.Context) (execStream, error) {
		return d.dialExec(ctx, p, []string{p.tool, "sh", "-c", "read -r pid && " + script})
	})
	if err != nil {
		return 0, err
	}
	defer stream.Close()
	defer context.AfterFunc(ctx, func() { _ = stream.Close() })()
	if _, err := io.WriteString(stream, pid+"\n"); err != nil {
		return 0, err
	}
	answer := stream.receive(io.Discard, io.Discard)
	if !answer.given {
		return 0, answer.err
	}
	return answer.code, nil
}
