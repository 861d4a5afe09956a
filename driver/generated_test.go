package driver

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// checkGenerated compares the part of a document between the comments "begin NAME" and "end NAME" with what it is made from, or
// writes it anew with -update.
func checkGenerated(t *testing.T, file, name, want string) {
	t.Helper()
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	before, rest, begun := strings.Cut(string(content), "<!-- begin "+name+" -->\n")
	got, after, ended := strings.Cut(rest, "<!-- end "+name+" -->\n")
	require.True(t, begun && ended, "%s has no part %q", file, name)
	if *update {
		whole := before + "<!-- begin " + name + " -->\n" + want + "<!-- end " + name + " -->\n" + after
		require.NoError(t, os.WriteFile(file, []byte(whole), 0o644))
		return
	}
	assert.Equal(t, want, got, "%s is stale: go test ./driver -short -run %s -update", file, t.Name())
}
