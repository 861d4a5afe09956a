package driver

import (
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

// refusedError is an answer of the API server that will not change by itself: a quota, a policy, an invalid manifest. It
// is an orchestra.Explainer, with the reasons of a status.
type refusedError struct {
	status
	err error
}

var _ orchestra.Explainer = (*refusedError)(nil)

func (e *refusedError) Error() string { return e.err.Error() + " (" + advice[e.reason] + ")" }
func (e *refusedError) Unwrap() error { return e.err }

// explainRefusal adds a reason and advice to an error of creating an object, if the server refused it. Other errors, nil
// and a missing permission of the driver itself are returned as they are.
func explainRefusal(err error) error {
	switch {
	case err == nil:
		return nil
	case apierrors.IsInvalid(err), apierrors.IsBadRequest(err), apierrors.IsRequestEntityTooLargeError(err), isMergeError(err):
		return refused(ReasonManifestInvalid, err)
	case apierrors.IsForbidden(err):
		if reason := refusalReason(err.Error()); reason != ReasonUnschedulable {
			return refused(reason, err)
		}
	}
	return err
}

func refused(reason string, err error) error {
	return &refusedError{status: ended(reason, exitNone, err.Error()), err: err}
}

// refusalReason reads the words of an admission plugin. A missing permission of the driver is none of them.
func refusalReason(message string) string {
	switch {
	case containsAny(message, "exceeded quota", "failed quota", "insufficient quota"):
		return ReasonQuotaExceeded
	case containsAny(message, "violates podsecurity", "admission webhook", "validatingadmissionpolicy", "is forbidden:", "denied the request", "maximum ", "minimum ") &&
		!containsAny(message, "in api group"): // RBAC
		return ReasonAdmissionDenied
	}
	return ReasonUnschedulable
}
