package driver

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Pace of an enforcer. Deadlines are minutes.
const (
	enforceEvery = time.Second
	enforceAgain = 10 * time.Second // after a verdict that could not be written
)

// enforcer ends what has waited for too long.
type enforcer struct {
	*podWatch
	later map[types.UID]time.Time // when to try again, by workload
}

func newEnforcer(w *podWatch) *enforcer {
	return &enforcer{podWatch: w, later: map[types.UID]time.Time{}}
}

// run enforces until ctx ends.
func (e *enforcer) run(ctx context.Context) {
	tick := time.NewTicker(enforceEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			e.once(ctx)
		}
	}
}

// once ends every task that is due now. While the watch is cut off nothing is known, and nothing is done.
func (e *enforcer) once(ctx context.Context) {
	if e.link.last() != nil {
		return
	}
	now := e.store.now()
	maps.DeleteFunc(e.later, func(_ types.UID, at time.Time) bool { return !now.Before(at) })
	for _, r := range e.store.all(isUnsettled) {
		if _, wait := e.later[r.workload]; wait {
			continue
		}
		_, failed := e.limits.verdict(r, now)
		switch {
		case needsExplanation(r, now), failed && isSilent(r):
			e.store.note(r, e.explain(ctx, r)) // and judged at the next look, in the cluster's words
		case failed:
			end, _ := e.limits.verdict(e.withClaims(ctx, r), now)
			e.end(ctx, r, end)
		}
	}
}

// isSilent reports whether nothing says why the record waits, and nobody has been asked.
func isSilent(r record) bool {
	return (r.stage == stageUnscheduled || r.stage == stageStarting) && r.status.message == "" && r.asked.IsZero()
}

// isUnsettled reports whether time matters for the record.
func isUnsettled(r record) bool { return !r.gone && r.stage != stageRunning && r.stage != stageOver }

// end writes a verdict. A pod that has changed or gone meanwhile is no error: it is judged anew.
func (e *enforcer) end(ctx context.Context, r record, end status) {
	err := e.fail(ctx, r, end)
	if err == nil || apierrors.IsConflict(err) || apierrors.IsNotFound(err) || ctx.Err() != nil {
		return
	}
	e.later[r.workload] = e.store.now().Add(enforceAgain)
	e.log.Warn("ending a task that has waited for too long; trying again", "task", r.kind+"/"+e.namespace+"/"+r.name, "reason", end.reason, "err", err)
}

// fail makes the end of a task durable: the verdict is written on the pod, so that every process and every later look agrees, and
// the cluster is told to give the pod up. The resource version guards the write: a pod that has moved on meanwhile, perhaps
// just started, is not touched (409) and is judged anew.
func (w *podWatch) fail(ctx context.Context, r record, end status) error {
	if r.pod != "" {
		if err := w.failPod(ctx, r, end); err != nil {
			return fmt.Errorf("marking Pod/%s/%s as failed: %w", w.namespace, r.pod, err)
		}
	}
	if r.kind == kindJob && r.stage != stageStopping {
		if err := w.failJob(ctx, r, end); err != nil {
			return fmt.Errorf("marking Job/%s/%s as failed: %w", w.namespace, r.name, err)
		}
	}
	return nil
}

// failPod marks the pod. On a node, a deadline of one second makes the kubelet end it, and its object stays to be looked at. Without
// a node nobody would end it, and it could still be scheduled later: it is deleted.
func (w *podWatch) failPod(ctx context.Context, r record, end status) error {
	pods := w.client.CoreV1().Pods(w.namespace)
	patch, err := failure(r.version, end, r.stage == stageStarting || r.stage == stageUnscheduled)
	if err != nil {
		return err
	}
	pod, err := pods.Patch(ctx, r.pod, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: FieldManager})
	if err != nil {
		return err
	}
	if pod.UID != r.podUID { // impossible with the resource version; a namesake would be somebody else's task
		return fmt.Errorf("its UID is %q, not %q", pod.UID, r.podUID)
	}
	w.store.put(recordOf(pod))
	if r.stage != stageUnscheduled {
		return nil
	}
	err = pods.Delete(ctx, r.pod, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &r.podUID, ResourceVersion: &pod.ResourceVersion}})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// failJob marks the Job, and its own deadline of one second keeps it from making another pod.
func (w *podWatch) failJob(ctx context.Context, r record, end status) error {
	version := ""
	if r.pod == "" {
		version = r.version
	}
	patch, err := failure(version, end, true)
	if err != nil {
		return err
	}
	job, err := w.client.BatchV1().Jobs(w.namespace).Patch(ctx, r.name, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: FieldManager})
	if err != nil {
		return err
	}
	w.store.putJob(jobRecordOf(job))
	return nil
}

// failure is the merge patch that marks an object.
func failure(version string, end status, stop bool) ([]byte, error) {
	metadata := map[string]any{"annotations": map[string]any{AnnotationFailed: end.mark()}}
	if version != "" {
		metadata["resourceVersion"] = version
	}
	patch := map[string]any{"metadata": metadata}
	if stop {
		patch["spec"] = map[string]any{"activeDeadlineSeconds": 1}
	}
	return json.Marshal(patch)
}
