package driver

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/orchestra-ci/orchestra-k8s/render"
)

// Logs writes what the task's container has written, from its first byte: without follow all up to now, with follow until
// the container has ended. A task that never started has no log. A nil writer discards. Any number of callers may read at
// the same time; of a Job, the log is that of the pod that was the newest one when Logs began to read.
//
// Every line is delivered once and in order, over as many connections as it takes. nil means that the log is complete as far as
// the cluster can tell; a *LogGapError says where lines may be missing because the node had rotated its log file, and so does
// the message of the container's status from then on. One loss shows
// nowhere: what was rotated away before this container's log was first read. The kubelet delivers lines, not bytes: the container runtime drops a
// carriage return before a newline.
//
// A node that cannot be reached for a minute, or for two where nobody answers at all, ends Logs with an error that names it; but the log of a task
// that runs is followed until the task has ended, which a lost node makes it after a while, too (Config.NodeLostDeadline).
//
// stdout and stderr are kept apart where the cluster can (feature gate PodLogsQuerySplitStreams); there the order of lines
// between the two is not known. Elsewhere, and when both writers are the same, all goes to stdout in its order; SplitsLogs tells.
func (c *container) Logs(ctx context.Context, stdout, stderr io.Writer, follow bool) error {
	ctx, cancel := c.d.bind(ctx)
	defer cancel(nil)
	seen, err := c.loggable(ctx, follow)
	if ctx.Err() != nil {
		err = endOf(ctx)
	}
	if err != nil {
		return fmt.Errorf("reading the log of %s: %w", c.ref, err)
	}
	early := !seen.started && !follow && !seen.status.done && seen.pod != "" // the news of a start comes later than the first words
	if !seen.started && !early {
		return nil
	}
	t := &logTask{
		d: c.d, uid: c.uid, pod: podID{seen.pod, seen.podUID}, node: seen.node, object: podRef(c.d.namespace, seen.pod).String(), head: &c.head, follow: follow, early: early,
	}
	var watching sync.WaitGroup
	defer watching.Wait()
	defer cancel(nil)
	t.ended = c.notifyEnd(ctx, &watching)
	err = t.deliver(ctx, orDiscard(stdout), orDiscard(stderr))
	if early && isNotStarted(err) {
		return nil
	}
	c.head.note(err)
	return err
}

// bind ends a call's context with the driver, too.
func (d *Driver) bind(ctx context.Context) (context.Context, context.CancelCauseFunc) {
	ctx, cancel := context.WithCancelCause(quiet(ctx))
	stop := context.AfterFunc(d.ctx, func() { cancel(ErrClosed) })
	return ctx, func(cause error) {
		stop()
		cancel(cause)
	}
}

// errLogGone: a log is gone with its pod.
var errLogGone = errors.New("the pod is gone, and its log with it")

// loggable is the state of the task; with follow, once it has a log or never will.
func (c *container) loggable(ctx context.Context, follow bool) (record, error) {
	begin := c.d.watch.start
	if !follow { // there is nothing to wait for
		begin = func(ctx context.Context) error { return c.d.watch.startWithin(ctx, logAnswer) }
	}
	if err := begin(ctx); err != nil {
		return record{}, err
	}
	seen, known := c.d.watch.get(c.uid)
	if follow && known && !seen.gone {
		var err error
		seen, err = c.d.watch.wait(ctx, c.uid, func(r record) bool { return r.started })
		switch {
		case errors.Is(err, errForgotten):
			return record{}, errLogGone
		case err != nil:
			return record{}, err
		}
	}
	if !known || (seen.started && seen.gone) {
		return record{}, errLogGone
	}
	return seen, nil
}

// notifyEnd returns a channel that is closed when the task's container has ended.
func (c *container) notifyEnd(ctx context.Context, running *sync.WaitGroup) <-chan struct{} {
	over := func(r record) bool { return r.status.done || r.stage == stageUnsettled || r.stage == stageOver }
	ended := make(chan struct{})
	if seen, known := c.d.watch.get(c.uid); !known || over(seen) {
		close(ended)
		return ended
	}
	running.Go(func() {
		if _, err := c.d.await(ctx, c.uid, over); err == nil || errors.Is(err, errForgotten) {
			close(ended)
		}
	})
	return ended
}

// await is podWatch.wait for work in the background, where nobody would see an error: it ends with ctx, the driver or the task only.
func (d *Driver) await(ctx context.Context, workload types.UID, cond func(record) bool) (record, error) {
	for {
		err := d.watch.start(ctx)
		var seen record
		if err == nil {
			seen, err = d.watch.wait(ctx, workload, cond)
		}
		if err == nil || ctx.Err() != nil || errors.Is(err, ErrClosed) || errors.Is(err, errForgotten) {
			return seen, err
		}
		if sleep(ctx, time.Second) != nil {
			return seen, ctx.Err()
		}
	}
}

// logTask is one call of Logs.
type logTask struct {
	d      *Driver
	uid    types.UID // of the workload
	pod    podID
	node   string // "": not known
	object string
	head   *logHead
	follow bool
	early  bool // whether the container has started is not known
	ended  <-chan struct{}
}

func (t *logTask) deliver(ctx context.Context, stdout, stderr io.Writer) error {
	if sameWriter(stdout, stderr) {
		return t.run(ctx, t.reader(stdout, nil))
	}
	split, err := t.splits(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("reading the log of %s: asking for separate streams: %w", t.object, err)
	case split:
		return t.deliverSplit(ctx, stdout, stderr)
	}
	return t.run(ctx, t.reader(stdout, nil))
}

// reader makes a reader of one stream; nil is both in one.
func (t *logTask) reader(out io.Writer, stream *string) *logReader {
	name := logName{pod: t.pod.name}
	if stream != nil {
		name.stream = *stream
	}
	r := &logReader{
		open: func(ctx context.Context, since time.Time, follow bool) (io.ReadCloser, error) {
			return t.open(ctx, stream, since, follow)
		},
		out:    bufio.NewWriterSize(out, maxPiece),
		ended:  t.ended,
		age:    t.age,
		gone:   t.gone,
		split:  stream != nil,
		early:  t.early,
		first:  func(key pieceKey) (*LogGap, error) { return t.head.check(name, key), nil },
		empty:  func() *LogGap { return t.head.checkEmpty(name) },
		object: t.object,
		node:   t.node,
		pace:   defaultLogPace(),
		log:    t.d.log,
		window: newWindow(),
	}
	if stream == nil { // the last lines of one of two streams are not to be had (ValidatePodLogOptions)
		r.last = t.openLast
	}
	return r
}

func (t *logTask) run(ctx context.Context, r *logReader) error {
	if t.follow {
		return r.follow(ctx)
	}
	return r.snapshot(ctx)
}

// age is for how long the watch has known of the container's end.
func (t *logTask) age() time.Duration {
	seen, _ := t.d.watch.get(t.uid)
	return t.d.now().Sub(seen.since)
}

// gone says that the watch has seen the pod go.
func (t *logTask) gone() bool {
	seen, known := t.d.watch.get(t.uid)
	return !known || seen.gone
}

// open asks the API server for the log, and makes sure that it is no namesake's. The server cuts since down to the second, whatever it is sent
// (apimachinery meta/v1 Time.MarshalQueryParameter, kubernetes pkg/registry/core/pod/strategy.go).
func (t *logTask) open(ctx context.Context, stream *string, since time.Time, follow bool) (io.ReadCloser, error) {
	options := &corev1.PodLogOptions{Container: render.TaskContainer, Timestamps: true, Follow: follow, Stream: stream}
	if !since.IsZero() {
		options.SinceTime = &metav1.Time{Time: since}
	}
	log, err := t.request(options).Stream(ctx)
	if err != nil {
		return nil, err
	}
	if err := t.d.confirm(ctx, t.pod); err != nil {
		_ = log.Close()
		return nil, err
	}
	return log, nil
}

// openLast asks for the last lines of the log, which the node finds from the end of its file. They are only compared with what open has brought.
func (t *logTask) openLast(ctx context.Context) (io.ReadCloser, error) {
	lines := int64(lastLines)
	options := &corev1.PodLogOptions{Container: render.TaskContainer, Timestamps: true, TailLines: &lines}
	return t.request(options).Stream(ctx)
}

func (t *logTask) request(options *corev1.PodLogOptions) *rest.Request {
	return t.d.typed.CoreV1().Pods(t.d.namespace).GetLogs(t.pod.name, options)
}

func podRef(namespace, name string) ref { return ref{kind: podKind, namespace: namespace, name: name} }

func orDiscard(w io.Writer) io.Writer {
	if w == nil {
		return io.Discard
	}
	return w
}

// sameWriter says whether both writers are known to be one.
func sameWriter(a, b io.Writer) bool {
	return reflect.ValueOf(a).Comparable() && reflect.ValueOf(b).Comparable() && a == b
}

// endOf is the error of a context that has ended, with its cause.
func endOf(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	if errors.Is(cause, err) {
		return cause
	}
	return fmt.Errorf("%w: %w", err, cause)
}
