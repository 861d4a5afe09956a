package driver

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

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
		"merge": {apierrors.NewInternalError(errors.New(`failed to create typed live object: .spec.containers[name="task"].env: duplicate entries for key [name="A"]`)),
			ReasonManifestInvalid},
		"too large": {apierrors.NewRequestEntityTooLargeError("limit is 3145728"), ReasonManifestInvalid},
		"strict":    {apierrors.NewBadRequest(`unknown field "spec.imagee"`), ReasonManifestInvalid},
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

const recordedRefusals = "../testdata/refusals"

// TestRecordedRefusals reads what explainRefusal says of every recorded answer as one table.
func TestRecordedRefusals(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(recordedRefusals, "*.yaml"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	var table strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		var answer metav1.Status
		require.NoError(t, yaml.UnmarshalStrict(text, &answer))
		explained := explainRefusal(&apierrors.StatusError{ErrStatus: answer})
		var explainer orchestra.Explainer
		require.ErrorAs(t, explained, &explainer, "%s: %v", file, explained)
		fmt.Fprintf(&table, "%s: %s\n  %s\n", strings.TrimSuffix(filepath.Base(file), ".yaml"), explainer.Reason(), explained)
	}
	golden := filepath.Join(recordedRefusals, "outcomes.golden")
	if *update {
		require.NoError(t, os.WriteFile(golden, []byte(table.String()), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	assert.Equal(t, string(want), table.String())
}
