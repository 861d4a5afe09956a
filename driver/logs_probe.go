package driver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/orchestra-ci/orchestra-k8s/render"
)

// LogSplitter is implemented by the containers of this driver.
type LogSplitter interface {
	// SplitsLogs says whether Logs keeps stdout and stderr apart. If not, all output goes to stdout. Before the task has started its
	// node is not asked. The API server is asked once in a driver's life, and every node once.
	SplitsLogs(ctx context.Context) (bool, error)
}

var _ LogSplitter = (*container)(nil)

// SplitsLogs implements LogSplitter.
func (c *container) SplitsLogs(ctx context.Context) (bool, error) {
	ctx, cancel := c.d.bind(ctx)
	defer cancel(nil)
	if err := c.d.watch.startWithin(ctx, logAnswer); err != nil {
		return false, fmt.Errorf("asking how %s is read: %w", c.ref, err)
	}
	seen, _ := c.d.watch.get(c.uid)
	t := &logTask{d: c.d, pod: podID{cmp.Or(seen.pod, c.id), seen.podUID}}
	if seen.started {
		t.node = seen.node
	}
	split, err := t.splits(ctx)
	if err != nil {
		return false, fmt.Errorf("asking how %s is read: %w", c.ref, err)
	}
	return split, nil
}

// splits says whether the API server and the task's node, if that is known, split logs.
func (t *logTask) splits(ctx context.Context) (bool, error) {
	split, err := t.d.splitsLogs(ctx, t.pod.name)
	if err != nil || !split || t.node == "" {
		return split, err
	}
	if split, known := t.d.logStreams.ofNode(t.node); known {
		return split, nil
	}
	stream, limit := corev1.LogStreamStdout, int64(1)
	bounded, cancel := context.WithTimeout(ctx, logAnswer)
	defer cancel()
	answer, err := t.request(&corev1.PodLogOptions{Container: render.TaskContainer, Stream: &stream, LimitBytes: &limit}).Stream(bounded)
	switch {
	case err == nil:
		t.d.logStreams.noteNode(t.node, true)
		return true, answer.Close()
	case refusesSplit(err):
		t.d.logStreams.noteNode(t.node, false)
		return false, nil
	case ctx.Err() != nil:
		return false, endOf(ctx)
	}
	return true, nil // the readers will meet the same error, and know what to do about it
}

// refusesSplit recognises a kubelet that could split but whose feature gate is off (pkg/kubelet/server/server.go).
func refusesSplit(err error) bool {
	return err != nil && strings.Contains(err.Error(), "PodLogsQuerySplitStreams")
}

// logStreams is what the driver knows of the cluster's logs. The zero value knows nothing.
type logStreams struct {
	mu     sync.Mutex
	asking chan struct{} // closed when the question that is under way is answered; nil if none is
	known  bool
	split  bool
	err    error           // of the last question
	nodes  map[string]bool // whether a node splits
}

// splitsLogs asks once in the driver's life, however many callers wait for the answer. After an error the next caller asks anew.
func (d *Driver) splitsLogs(ctx context.Context, pod string) (bool, error) {
	s := &d.logStreams
	for {
		s.mu.Lock()
		known, split, asking := s.known, s.split, s.asking
		if !known && asking == nil {
			s.asking = make(chan struct{})
		}
		s.mu.Unlock()
		switch {
		case known:
			return split, nil
		case asking == nil:
			return d.askStreams(ctx, pod)
		}
		select {
		case <-asking:
		case <-ctx.Done():
			return false, endOf(ctx)
		}
		if err := s.failure(); err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
			return false, err
		}
	}
}

func (d *Driver) askStreams(ctx context.Context, pod string) (split bool, err error) {
	err = d.retry.do(ctx, "asking for separate log streams", func(ctx context.Context) (err error) {
		ctx, cancel := context.WithTimeout(ctx, logAnswer)
		defer cancel()
		split, err = d.probeStreams(ctx, pod)
		return err
	})
	if d.logStreams.answer(split, err) {
		d.log.InfoContext(ctx, "the cluster does not keep stdout and stderr apart; all output of tasks goes to stdout")
	}
	return split, err
}

// answer notes the answer and wakes who waits for it. It returns true when it has become known that streams are merged.
func (s *logStreams) answer(split bool, err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.asking)
	s.asking, s.err = nil, err
	if s.known || err != nil {
		return false
	}
	s.known, s.split = true, split
	return !split
}

func (s *logStreams) failure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// ofNode is what is known of a node.
func (s *logStreams) ofNode(node string) (split, known bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	split, known = s.nodes[node]
	return split, known
}

func (s *logStreams) noteNode(node string, split bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.nodes == nil {
		s.nodes = map[string]bool{}
	}
	s.nodes[node] = split
}

// probeStreams asks for a stream that does not exist. A server that splits says which ones do; one whose feature gate is off says
// that the parameter is forbidden (pkg/apis/core/validation/validation.go, ValidatePodLogOptions); one that predates it (before 1.32)
// ignores it and answers with a log, or says that the pod has none.
func (d *Driver) probeStreams(ctx context.Context, pod string) (bool, error) {
	stream, limit := "Probe", int64(1)
	answer, err := d.typed.CoreV1().Pods(d.namespace).GetLogs(pod, &corev1.PodLogOptions{
		Container: render.TaskContainer, Stream: &stream, LimitBytes: &limit,
	}).Stream(ctx)
	switch {
	case err == nil:
		return false, answer.Close()
	case apierrors.IsInvalid(err):
		return namesStreams(err), nil
	case apierrors.IsBadRequest(err), apierrors.IsNotFound(err):
		return false, nil
	}
	return false, err
}

func namesStreams(err error) bool {
	status, ok := err.(apierrors.APIStatus)
	if !ok || status.Status().Details == nil {
		return false
	}
	return slices.ContainsFunc(status.Status().Details.Causes, func(cause metav1.StatusCause) bool {
		return cause.Type == metav1.CauseTypeFieldValueNotSupported && cause.Field == "stream"
	})
}
