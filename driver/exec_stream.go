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
	// Close ends the connection and receive. The process sees the end of its stdin.
	Close() error
}

// dialExec starts a command in the task's container. WebSocket is tried first, as it keeps all output in one order; a server or a proxy
// that refuses it is asked for SPDY. When both fail nothing was started.
func (d *Driver) dialExec(ctx context.Context, pod string, command []string) (execStream, error) {
	at := d.execURL(pod, command)
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
	stream, other := dialSPDYExec(ctx, d.rest, at)
	if other == nil {
		return stream, nil
	}
	return nil, errors.Join(fmt.Errorf("over WebSocket: %w", err), fmt.Errorf("over SPDY: %w", other))
}

func (d *Driver) execURL(pod string, command []string) *url.URL {
	options := &corev1.PodExecOptions{Container: render.TaskContainer, Command: command, Stdin: true, Stdout: true, Stderr: true}
	return d.typed.CoreV1().RESTClient().Post().Resource("pods").Namespace(d.namespace).Name(pod).SubResource("exec").
		VersionedParams(options, scheme.ParameterCodec).URL()
}
