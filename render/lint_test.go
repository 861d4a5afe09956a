package render

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestLintNamesEveryPlaceThatDoesNotQuote(t *testing.T) {
	pod := strings.Replace(goodPod, "{{ toJson .Task.Image }}", "{{ .Task.Image }}\n    command: [{{ join `,` .Task.Command }}]\n    workingDir: '{{ .Task.WorkDir }}'", 1)
	set, err := New(config(t, layer("acme", "pod.yaml", pod)))
	require.NoError(t, err, "its sample tasks are tame")
	err = set.Lint()
	for _, want := range []string{"acme/pod.yaml:7: Task.Image would not arrive", "acme/pod.yaml:8: Task.Command[0]", "acme/pod.yaml:9: Task.WorkDir"} {
		assert.ErrorContains(t, err, want)
	}
}

func TestOurOwnTemplatesPassLint(t *testing.T) {
	for _, builtin := range []string{"job", "secret-env", "restricted", "dedicated-namespace"} {
		assert.NoError(t, newSet(t, builtinLayer(t, "builtin/"+builtin)).Lint(), builtin)
	}
	assert.NoError(t, newSet(t).Lint())
}
