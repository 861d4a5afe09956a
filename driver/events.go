package driver

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
)

// maxEvents is how many events of one object are read; a cluster keeps few, and merges repeated ones.
const maxEvents = 100

// explain asks the cluster's events, and then its claims, why a record waits. It returns the zero status if they do not say. If they may not be read, the
// status says that, as nothing else would tell why it stays without detail.
func (w *podWatch) explain(ctx context.Context, r record) status {
	uid := r.podUID
	if r.pod == "" {
		uid = r.workload
	}
	list, err := w.client.CoreV1().Events(w.namespace).List(ctx, metav1.ListOptions{
		FieldSelector: fields.Set{"involvedObject.uid": string(uid), "type": corev1.EventTypeWarning}.String(),
		Limit:         maxEvents,
	})
	if err != nil {
		w.log.Debug("listing events", "of", r.kind+"/"+w.namespace+"/"+r.name, "err", err)
		if apierrors.IsForbidden(err) {
			return underWay(r.status.reason, "Why it waits may be in the cluster's events, which the driver may not read: "+quote(err.Error()))
		}
		return status{}
	}
	var newest *corev1.Event
	for i := range list.Items {
		if newest == nil || eventTime(&list.Items[i]).After(eventTime(newest)) {
			newest = &list.Items[i]
		}
	}
	if newest == nil {
		return w.explainClaims(ctx, r)
	}
	return eventStatus(newest.Reason, newest.Message)
}

func eventTime(event *corev1.Event) time.Time {
	switch {
	case event.Series != nil:
		return event.Series.LastObservedTime.Time
	case !event.LastTimestamp.IsZero():
		return event.LastTimestamp.Time
	case !event.EventTime.IsZero():
		return event.EventTime.Time
	}
	return event.CreationTimestamp.Time
}

// eventStatus reads a warning about a pod or a Job that waits (pkg/kubelet/events/event.go, pkg/controller/job).
func eventStatus(reason, message string) status {
	words := said(reason, message)
	switch reason {
	case "FailedMount", "FailedAttachVolume", "FailedMapVolume", "ProvisioningFailed":
		if containsAny(message, "secret", "configmap") && configurationReason(message) == ReasonConfigurationMissing {
			return underWay(ReasonConfigurationMissing, words)
		}
		return underWay(ReasonVolumeUnavailable, words)
	case "FailedCreate":
		return underWay(refusalReason(message), words)
	case "FailedScheduling":
		return underWay(schedulingReason(message), words)
	}
	return underWay(ReasonStartFailed, words)
}
