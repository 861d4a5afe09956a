package driver

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestThePageKnowsEverySetting(t *testing.T) {
	page, err := os.ReadFile("../docs/operations.md")
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(page), "## Settings\n")
	require.True(t, found)
	section, _, _ := strings.Cut(rest, "\n## ")
	for _, field := range reflect.VisibleFields(reflect.TypeFor[Config]()) {
		assert.Contains(t, section, "`"+field.Name+"`")
	}
	defaults := Config{}.withDefaults()
	assert.Equal(t, []any{32, "2m0s", "30s"}, []any{defaults.MaxRequests, defaults.DeletionTimeout.String(), defaults.HelperIdle.String()}, "as the page has them")
}
