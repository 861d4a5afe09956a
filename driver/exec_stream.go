package driver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes/scheme"

	"github.com/orchestra-ci/orchestra-k8s/render"
)

// execStream is a connection to a process that an exec request has started in a running container. Writes go to its stdin. One goroutine
// may write while another receives.
type execStream interface {
	io.Writer
	// receive hands on what the process writes until the connection ends, and says how it ended. It is called once. An error of a
	// writer ends it. It never writes to both at once.
	receive(stdout, stderr io.Writer) attachAnswer
	// resize tells the size of a terminal. It counts as a write.
	resize(size TerminalSize) error
	// Close ends the connection and receive. The process sees the end of its stdin.
	Close() error
}

// dialExec starts a command in the task's container. WebSocket is tried first, as it keeps all output in one order; a server or a proxy
// that refuses it is asked for SPDY. When both fail nothing was started.
func (d *Driver) dialExec(ctx context.Context, pod string, command []string) (execStream, error) {
	return d.dial(ctx, d.execURL(pod, &corev1.PodExecOptions{Command: command, Stdin: true, Stdout: true, Stderr: true}),
		corev1.StreamTypeStdin, corev1.StreamTypeStdout, corev1.StreamTypeStderr)
}

// dialTerminal is dialExec for a command that has a terminal.
func (d *Driver) dialTerminal(ctx context.Context, pod string, command []string) (execStream, error) {
	return d.dial(ctx, d.execURL(pod, &corev1.PodExecOptions{Command: command, Stdin: true, Stdout: true, TTY: true}),
		corev1.StreamTypeStdin, corev1.StreamTypeStdout, corev1.StreamTypeResize)
}

// dial opens a connection. The kinds of its streams are for SPDY: WebSocket has channels of fixed numbers.
func (d *Driver) dial(ctx context.Context, at *url.URL, kinds ...string) (execStream, error) {
	socket, err := dialWebSocketExec(ctx, d.rest, at)
	if err == nil {
		return socket, nil
	}
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case isDeniedUpgrade(err):
		return nil, err
	}
	stream, other := dialSPDYExec(ctx, d.rest, at, kinds...)
	if other == nil {
		return stream, nil
	}
	return nil, errors.Join(fmt.Errorf("over WebSocket: %w", err), fmt.Errorf("over SPDY: %w", other))
}

func (d *Driver) execURL(pod string, options *corev1.PodExecOptions) *url.URL {
	options.Container = render.TaskContainer
	return d.typed.CoreV1().RESTClient().Post().Resource("pods").Namespace(d.namespace).Name(pod).SubResource("exec").
		VersionedParams(options, scheme.ParameterCodec).URL()
}
