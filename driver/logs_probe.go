package driver

import (
	"context"
	"errors"
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/orchestra-ci/orchestra-k8s/render"
)

// LogSplitter is implemented by the containers of this driver.
type LogSplitter interface {
	// SplitsLogs says whether Logs keeps stdout and stderr apart. If not, all output goes to stdout. The first call of a driver
	// asks the API server.
	SplitsLogs(ctx context.Context) (bool, error)
}

var _ LogSplitter = (*container)(nil)

// SplitsLogs implements LogSplitter.
func (c *container) SplitsLogs(ctx context.Context) (bool, error) {
	ctx, cancel := c.d.bind(ctx)
	defer cancel(nil)
	return c.d.splitsLogs(ctx, c.id)
}

// logStreams is what the driver knows of the cluster's logs. The zero value knows nothing.
type logStreams struct {
	mu     sync.Mutex
	asking chan struct{} // closed when the question that is under way is answered; nil if none is
	known  bool
	split  bool
	err    error // of the last question
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

// merge notes that a node does not split, whatever the API server says.
func (s *logStreams) merge() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known, s.split = true, false
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
