package driver

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// claims says how the claims of a pod are that has no node, and whether one of them is not bound. The scheduler names none of them when it
// refuses a node, and it says nothing at all while it waits for a provisioner (pkg/scheduler/framework/plugins/volumebinding). What may not
// be read is left out.
func (w *podWatch) claims(ctx context.Context, r record) (words string, unbound bool) {
	pod, err := w.client.CoreV1().Pods(w.namespace).Get(ctx, r.pod, metav1.GetOptions{})
	if err != nil {
		w.log.Debug("getting a pod that has no node", "pod", r.pod, "err", err)
		return "", false
	}
	var said []string
	for _, volume := range pod.Spec.Volumes {
		name := ""
		switch {
		case volume.PersistentVolumeClaim != nil:
			name = volume.PersistentVolumeClaim.ClaimName
		case volume.Ephemeral != nil:
			name = pod.Name + "-" + volume.Name
		default:
			continue
		}
		claim, err := w.client.CoreV1().PersistentVolumeClaims(w.namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			w.log.Debug("getting a claim of a pod that has no node", "pod", r.pod, "claim", name, "err", err)
			continue
		}
		unbound = unbound || claim.Status.Phase != corev1.ClaimBound
		said = append(said, claimInWords(claim))
	}
	return quote(strings.Join(said, "; ")), unbound
}

func claimInWords(claim *corev1.PersistentVolumeClaim) string {
	at := ref{kind: claimKind, namespace: claim.Namespace, name: claim.Name}
	if claim.Status.Phase == corev1.ClaimBound {
		return fmt.Sprintf("%s is bound to the volume %q", at, claim.Spec.VolumeName)
	}
	text := fmt.Sprintf("%s is %s", at, cmp.Or(claim.Status.Phase, corev1.ClaimPending))
	if class := claim.Spec.StorageClassName; class == nil || *class == "" {
		return text + " and has no storage class"
	}
	text += fmt.Sprintf(", of the storage class %q", *claim.Spec.StorageClassName)
	for _, key := range []string{"volume.kubernetes.io/storage-provisioner", "volume.beta.kubernetes.io/storage-provisioner"} {
		if provisioner := claim.Annotations[key]; provisioner != "" {
			return text + fmt.Sprintf(", and waits for the provisioner %q", provisioner)
		}
	}
	return text
}

// explainClaims is explain for a pod without a node, about which nobody has said anything.
func (w *podWatch) explainClaims(ctx context.Context, r record) status {
	if r.stage != stageUnscheduled || r.pod == "" {
		return status{}
	}
	if words, unbound := w.claims(ctx, r); unbound {
		return underWay(ReasonVolumeUnavailable, words)
	}
	return status{}
}

// withClaims adds to the scheduler's words which claims they are about.
func (w *podWatch) withClaims(ctx context.Context, r record) record {
	if r.stage == stageUnscheduled && r.pod != "" && r.status.reason == ReasonVolumeUnavailable && !r.noted && !r.status.done {
		words, _ := w.claims(ctx, r)
		r.status.message = sentences(r.status.message, words)
	}
	return r
}
