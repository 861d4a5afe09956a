package driver

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// watchedTask is a task as the driver's watch sees it.
type watchedTask struct {
	d   *Driver
	uid types.UID
}

func (t watchedTask) ended(ctx context.Context, wait time.Duration) (ended, zero bool) {
	over := func(r record) bool { return r.status.done || r.stage == stageUnsettled }
	seen, known := t.d.watch.get(t.uid)
	if wait != 0 && known && !over(seen) {
		if wait > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, wait)
			defer cancel()
		}
		seen, _ = t.d.watch.wait(ctx, t.uid, over)
	}
	return !known || over(seen), !seen.status.done || seen.status.exitCode == 0
}

// podMarks writes AnnotationStdin on the pod that is being fed, and on no namesake.
type podMarks struct {
	d     *Driver
	seen  record
	owner string // names the call that sends: instance/number
}

// operation is one step of a JSON patch (RFC 6902).
type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value"`
}

const annotationPath = "/metadata/annotations/"

// claim makes this call the one that sends the task's stdin, unless another one, perhaps of another process, has begun to. holder is the
// state that stands there then.
func (m *podMarks) claim(ctx context.Context) (claimed bool, holder string, err error) {
	mine := stdinSending + ": " + m.owner
	err = m.patch(ctx, operation{"test", annotationPath + AnnotationStdin, stdinPending}, operation{"replace", annotationPath + AnnotationStdin, mine})
	if !apierrors.IsInvalid(err) { // a test that fails (apiserver endpoints/handlers/patch.go)
		return err == nil, "", err
	}
	live, err := m.d.look(ctx, podRef(m.d.namespace, m.seen.pod))
	switch {
	case apierrors.IsNotFound(err):
		return false, "", nil
	case err != nil:
		return false, "", err
	}
	holder = live.GetAnnotations()[AnnotationStdin]
	return holder == mine && live.GetUID() == m.seen.podUID, holder, nil
}

// set writes a state that is no failure.
func (m *podMarks) set(ctx context.Context, state string) error {
	return m.patch(ctx, operation{"add", annotationPath + AnnotationStdin, state})
}

// cut writes down that the stdin is incomplete and ends the task, which works with half of its input otherwise. A deadline of one
// second makes the kubelet end it; pod and log stay. It returns why, once that is written.
func (m *podMarks) cut(ctx context.Context, why error) error { return m.cutIf(ctx, why) }

// cutIf is cut under conditions.
func (m *podMarks) cutIf(ctx context.Context, why error, conditions ...operation) error {
	words := quote(why.Error())
	verdict := ended(ReasonStdinIncomplete, exitNone, "The task's stdin was cut: "+words)
	err := m.patch(ctx, append(conditions,
		operation{"add", annotationPath + AnnotationStdin, stdinIncomplete + ": " + words},
		operation{"add", annotationPath + AnnotationFailed, verdict.mark()},
		operation{"add", "/spec/activeDeadlineSeconds", 1},
	)...)
	if err == nil && m.seen.kind == kindJob {
		err = m.d.retry.do(ctx, "marking a Job", func(ctx context.Context) error { return m.d.watch.failJob(ctx, m.seen, verdict) })
	}
	if err != nil {
		return fmt.Errorf("%w; marking the task as failed: %w", why, err)
	}
	return why
}

// patch changes the pod. A pod that is gone needs no mark.
func (m *podMarks) patch(ctx context.Context, steps ...operation) error {
	steps = append([]operation{{"test", "/metadata/uid", m.seen.podUID}}, steps...)
	body, err := json.Marshal(steps)
	if err != nil {
		return err
	}
	what := "marking " + podRef(m.d.namespace, m.seen.pod).String()
	for denials := 0; ; denials++ {
		err := m.d.retry.do(ctx, what, func(ctx context.Context) error { return m.patchOnce(ctx, body) })
		switch {
		case err == nil, apierrors.IsNotFound(err):
			return nil
		case !isDenied(err) || denials == maxDenials || sleep(ctx, time.Second) != nil:
			return fmt.Errorf("%s: %w", what, err)
		}
	}
}

// maxDenials is how many seconds an API server that has just started may deny what it allowed before.
const maxDenials = 20

func (m *podMarks) patchOnce(ctx context.Context, body []byte) error {
	options := metav1.PatchOptions{FieldManager: FieldManager}
	pod, err := m.d.typed.CoreV1().Pods(m.d.namespace).Patch(ctx, m.seen.pod, types.JSONPatchType, body, options)
	if err != nil {
		return err
	}
	m.d.watch.store.put(recordOf(pod))
	return nil
}
