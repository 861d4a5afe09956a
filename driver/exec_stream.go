package driver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"

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

// dialExec starts a command in the task's container. When it fails nothing was started.
func (d *Driver) dialExec(ctx context.Context, p process, command []string) (execStream, error) {
	at := d.execURL(p.pod.name, &corev1.PodExecOptions{Command: command, Stdin: true, Stdout: true, Stderr: true})
	return d.dial(ctx, at, p.bulk, corev1.StreamTypeStdin, corev1.StreamTypeStdout, corev1.StreamTypeStderr)
}

// dialTerminal is dialExec for a command that has a terminal.
func (d *Driver) dialTerminal(ctx context.Context, p process, command []string) (execStream, error) {
	at := d.execURL(p.pod.name, &corev1.PodExecOptions{Command: command, Stdin: true, Stdout: true, TTY: true})
	return d.dial(ctx, at, p.bulk, corev1.StreamTypeStdin, corev1.StreamTypeStdout, corev1.StreamTypeResize)
}

// dial opens a connection in the one protocol, and if a server or a proxy on the way refuses that, in the other. WebSocket comes first, as it keeps
// all output in one order, but not for bulk: a node unpacks its messages and packs them anew for the runtime, and hands SPDY on as it is. The
// kinds of streams are for SPDY: WebSocket has channels of fixed numbers.
func (d *Driver) dial(ctx context.Context, at *url.URL, bulk bool, kinds ...string) (execStream, error) {
	ways := []struct {
		name string
		dial func() (execStream, error)
	}{
		{"WebSocket", func() (execStream, error) { return dialWebSocketExec(ctx, d.rest, at) }},
		{"SPDY", func() (execStream, error) { return dialSPDYExec(ctx, d.rest, at, kinds...) }},
	}
	if bulk {
		slices.Reverse(ways)
	}
	var problems []error
	for _, way := range ways {
		stream, err := way.dial()
		switch {
		case err == nil:
			return stream, nil
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case isDeniedUpgrade(err):
			return nil, err
		}
		problems = append(problems, fmt.Errorf("over %s: %w", way.name, err))
	}
	return nil, errors.Join(problems...)
}

func (d *Driver) execURL(pod string, options *corev1.PodExecOptions) *url.URL {
	options.Container = render.TaskContainer
	return d.typed.CoreV1().RESTClient().Post().Resource("pods").Namespace(d.namespace).Name(pod).SubResource("exec").
		VersionedParams(options, scheme.ParameterCodec).URL()
}
