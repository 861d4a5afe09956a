package driver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/remotecommand"
	"k8s.io/client-go/kubernetes/scheme"

	"github.com/orchestra-ci/orchestra-k8s/render"
)

// attachment is a connection to the stdin of a running container, and to nothing else of it: an attach with output would
// stall the task when its reader is slow, and end only with the task.
//
// client-go's executors (tools/remotecommand) are not used for this. They report success when the connection ends without
// the server's Status, they cut a stdin that the task does not read for a minute, and they leave a goroutine in the
// caller's reader.
type attachment interface {
	io.Writer
	// CloseWrite tells the task that its stdin is at its end.
	CloseWrite() error
	// Answer receives one value: the server's Status, or why there is none.
	Answer() <-chan attachAnswer
	Close() error
}

// attachAnswer is how an attach ended.
type attachAnswer struct {
	given bool  // the server sent a Status; it does so at every end that it knows of (cri-streaming remotecommand/attach.go)
	err   error // the failure that the Status says, or the reason why there is none; nil for a success
	code  int   // of a process that has ended, as the Status says it; 0 if it says none
}

// ofRuntime says that the container runtime itself ended the attach, and not one of the servers before it because of a broken
// connection: with a success, or with the error of its streaming server (cri-streaming remotecommand/attach.go), which is
// what a container that has ended gives.
func (a attachAnswer) ofRuntime() bool {
	return a.given && (a.err == nil || strings.Contains(a.err.Error(), "error attaching to container: "))
}

var errNoStatus = errors.New("the connection ended without the server's status")

func noStatus(err error) attachAnswer {
	return attachAnswer{err: fmt.Errorf("%w: %w", errNoStatus, err)}
}

// attachLostError is an attach of which nobody knows whether it was made, or in which pod: the connection broke before the answer. If it was,
// the container runtime has closed the task's stdin by now, and the task has seen a clean end of an empty input.
type attachLostError struct{ err error }

func (e *attachLostError) Error() string {
	return "the attach broke off: " + e.err.Error()
}
func (e *attachLostError) Unwrap() error { return e.err }

func isLostAttach(err error) bool {
	_, lost := errors.AsType[*attachLostError](err)
	return lost
}

// readAnswer reads what came on the error channel. complete is false while it is the beginning of a Status.
func readAnswer(text []byte) (answer attachAnswer, complete bool) {
	var status metav1.Status
	if json.Unmarshal(text, &status) != nil {
		return attachAnswer{}, false
	}
	if status.Status != metav1.StatusSuccess {
		return attachAnswer{given: true, err: fmt.Errorf("the server says: %s", status.Message), code: exitCodeOf(status)}, true
	}
	return attachAnswer{given: true}, true
}

// exitCodeOf reads the exit code of a process that an exec request has started.
func exitCodeOf(status metav1.Status) int {
	if status.Reason != remotecommand.NonZeroExitCodeReason || status.Details == nil {
		return 0
	}
	for _, cause := range status.Details.Causes {
		if cause.Type == remotecommand.ExitCodeCauseType {
			code, _ := strconv.Atoi(cause.Message)
			return code
		}
	}
	return 0
}

// attachStdin connects to the stdin of the pod's task, and of no namesake: one would take the end of this connection for the end of its own
// input, so it is looked for before, too. After an error nothing was sent, and unless it is an *attachLostError the task has seen no end of its
// input.
func (d *Driver) attachStdin(ctx context.Context, pod podID) (attachment, error) {
	if err := d.confirm(ctx, pod); err != nil {
		return nil, err
	}
	conn, err := d.dialAttach(ctx, pod.name)
	if err != nil {
		return nil, err
	}
	err = d.retry.do(ctx, "making sure which pod was attached to", func(ctx context.Context) error { return d.confirm(ctx, pod) })
	if err != nil {
		_ = conn.Close()
		return nil, &attachLostError{err}
	}
	return conn, nil
}

// dialAttach tries WebSocket first. A server or a proxy that refuses it is asked for SPDY, but not one that denies: its words name the missing
// permission.
func (d *Driver) dialAttach(ctx context.Context, pod string) (attachment, error) {
	at := d.attachURL(pod)
	socket, err := dialWebSocket(ctx, d.rest, at)
	if err == nil {
		return socket, nil
	}
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case isDeniedUpgrade(err), isLostAttach(err):
		return nil, err
	}
	stream, other := dialSPDY(ctx, d.rest, at)
	if other == nil {
		return stream, nil
	}
	return nil, errors.Join(fmt.Errorf("over WebSocket: %w", err), fmt.Errorf("over SPDY: %w", other))
}

// isDeniedUpgrade recognises that the permission to open a WebSocket is missing, by the words of Kubernetes' RBAC. Without the permission to
// create, which SPDY needs as well, there is a denial without words, and SPDY's own says more.
func isDeniedUpgrade(err error) bool {
	return err != nil && strings.Contains(err.Error(), "cannot get resource ")
}

func (d *Driver) attachURL(pod string) *url.URL {
	return d.typed.CoreV1().RESTClient().Post().Resource("pods").Namespace(d.namespace).Name(pod).SubResource("attach").
		VersionedParams(&corev1.PodAttachOptions{Container: render.TaskContainer, Stdin: true}, scheme.ParameterCodec).URL()
}

func newUpgrade(ctx context.Context, method string, at *url.URL) (*http.Request, error) {
	return http.NewRequestWithContext(ctx, method, at.String(), http.NoBody)
}
