package driver

import (
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// jobRecord is all that the driver keeps of a Job. Its record describes the Job itself, which has no pod.
type jobRecord struct {
	record
	finished batchv1.JobConditionType // JobComplete, JobFailed or ""
	reason   string                   // of the finished condition
	words    string                   // of the finished condition
}

// jobRecordOf reduces a Job.
func jobRecordOf(job *batchv1.Job) jobRecord {
	uid := types.UID(strings.Clone(string(job.UID)))
	j := jobRecord{record: record{
		workload: uid, kind: kindJob, name: strings.Clone(job.Name), version: strings.Clone(job.ResourceVersion),
		created: job.CreationTimestamp.Time, deleting: job.DeletionTimestamp != nil,
		status: underWay(ReasonScheduling, ""),
	}}
	for i := range job.Status.Conditions {
		condition := &job.Status.Conditions[i]
		if condition.Status != corev1.ConditionTrue {
			continue
		}
		switch condition.Type {
		case batchv1.JobComplete, batchv1.JobFailed:
			j.finished, j.reason, j.words = condition.Type, strings.Clone(condition.Reason), quote(condition.Message)
		}
	}
	if failed, ok := failedMark(job.Annotations); ok {
		j.status = failed
	}
	if j.status.done || j.finished != "" {
		j.stage = stageOver
	}
	return j
}

// statusOfJob is the truth about a task whose workload is a Job. pod is the Job's newest pod, nil if none has been seen. A pod's
// success is the task's; a pod's failure is the task's only when the Job has given up, as it may start another one.
func statusOfJob(job jobRecord, pod *record) status {
	switch {
	case job.status.done:
		return job.status
	case pod != nil && pod.status.done && pod.status.exitCode == 0:
		return pod.status
	case job.finished == batchv1.JobFailed && job.reason == batchv1.JobReasonDeadlineExceeded:
		return ended(ReasonDeadlineExceeded, exitNone, job.reason+": "+job.words)
	case pod != nil && (job.finished != "" || job.gone):
		return pod.status
	case job.finished != "":
		return ended(ReasonUnknown, exitNone, sentences("The Job has ended, but its pod is gone: "+string(job.finished), job.words))
	case job.gone:
		return ended(ReasonDeleted, exitNone, "The Job was deleted before its task ended")
	case pod != nil && pod.status.done:
		return underWay(ReasonJobRetrying, sentences("A pod of the Job has failed: "+pod.status.message))
	case pod != nil:
		return pod.status
	}
	return job.status
}
