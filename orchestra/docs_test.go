package orchestra_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const guide = "docs/implementing-new-driver.md"

var (
	fence   = regexp.MustCompile("(?ms)^(?:<!-- from (\\S+) -->\n)?```(\\w+)\n(.*?)^```$")
	command = regexp.MustCompile(`^go test (?:-\S+ (?:\d+ )?)*-run (\w+)(?:/\S+)? (\./\S+)$`)
)

func readRepositoryFile(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("..", name))
	require.NoError(t, err)
	return string(content)
}

// Code in the guide is code that is compiled and tested: every Go block is found in the file that is named above it,
// and every command runs a test that exists.
func TestGuideShowsRealCode(t *testing.T) {
	blocks := fence.FindAllStringSubmatch(readRepositoryFile(t, guide), -1)
	require.NotEmpty(t, blocks)
	for _, block := range blocks {
		source, language, text := block[1], block[2], block[3]
		switch language {
		case "go":
			require.NotEmpty(t, source, "a block does not say where it is from:\n%s", text)
			assert.Contains(t, readRepositoryFile(t, source), text, "%s has changed", source)
		case "sh":
			for line := range strings.Lines(text) {
				assertRunsATest(t, strings.TrimSpace(line))
			}
		default:
			assert.Fail(t, "a block in a language that nothing checks", "%s:\n%s", language, text)
		}
	}
	assert.Equal(t, 2*len(blocks), strings.Count(readRepositoryFile(t, guide), "```"), "a fence that is not a block")
}

func assertRunsATest(t *testing.T, line string) {
	t.Helper()
	match := command.FindStringSubmatch(line)
	require.NotNil(t, match, "the guide has a command that this test cannot check: %s", line)
	files, err := filepath.Glob(filepath.Join("..", match[2], "*_test.go"))
	require.NoError(t, err)
	for _, file := range files {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		if strings.Contains(string(content), "func "+match[1]+"(") {
			return
		}
	}
	assert.Fail(t, "there is no such test", line)
}
