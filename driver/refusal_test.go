package driver

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

func forbidden(words string) error {
	return fmt.Errorf("applying Pod/x/y: %w", apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "y", errors.New(words)))
}

func TestExplainRefusal(t *testing.T) {
	for name, test := range map[string]struct {
		err    error
		reason string
	}{
		"quota":        {forbidden("exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1"), ReasonQuotaExceeded},
		"quota, limit": {forbidden("failed quota: q: must specify limits.cpu for: task"), ReasonQuotaExceeded},
		"pod security": {forbidden(`violates PodSecurity "restricted:latest": privileged (container "task" must not set securityContext.privileged=true)`), ReasonAdmissionDenied},
		"webhook":      {forbidden(`admission webhook "policy.example" denied the request: no`), ReasonAdmissionDenied},
		"limit range":  {forbidden("maximum memory usage per Container is 64Mi, but limit is 128Mi"), ReasonAdmissionDenied},
		"invalid":      {apierrors.NewInvalid(schema.GroupKind{Kind: "Pod"}, "y", nil), ReasonManifestInvalid},
		"strict":       {apierrors.NewBadRequest(`unknown field "spec.imagee"`), ReasonManifestInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			explained := explainRefusal(test.err)
			require.ErrorIs(t, explained, test.err)
			var explainer orchestra.Explainer
			require.ErrorAs(t, explained, &explainer)
			assert.Equal(t, test.reason, explainer.Reason())
			assert.Contains(t, explained.Error(), test.err.Error())
			assert.Contains(t, explained.Error(), advice[test.reason])
		})
	}
}

func TestOtherErrorsStayAsTheyAre(t *testing.T) {
	for name, err := range map[string]error{
		"none":           nil,
		"a conflict":     apierrors.NewConflict(schema.GroupResource{}, "y", errors.New("no")),
		"no permission":  forbidden(`User "u" cannot patch resource "pods" in API group "" in the namespace "x"`),
		"the connection": errors.New("connection refused"),
	} {
		assert.Equal(t, err, explainRefusal(err), name)
	}
}
