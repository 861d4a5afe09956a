package driver_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchestra-ci/orchestra-k8s/driver"
	"github.com/orchestra-ci/orchestra-k8s/internal/testcluster"
	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

// readme is the program of the README, line by line: TestReadmeProgram compares.
func readme(ctx context.Context) error {
	d, err := driver.New(ctx, driver.Config{Namespace: "readme-example"}, slog.Default())
	if err != nil {
		return err
	}
	defer d.Close() // removes everything that this namespace made
	container, err := d.RunContainer(ctx, orchestra.Task{ID: "build-7", Image: "busybox", Command: []string{"echo", "hello"}})
	if err != nil {
		return err
	}
	if err := container.Logs(ctx, os.Stdout, os.Stderr, true); err != nil {
		return err
	}
	status, err := container.(orchestra.Waiter).Wait(ctx)
	if err != nil || status.ExitCode() != 0 {
		return err
	}
	return nil
}

// block returns the first code block of that language after a heading of the README, indented by a tab.
func block(t *testing.T, heading, language string) string {
	t.Helper()
	content, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	_, section, found := strings.Cut(string(content), heading+"\n")
	require.True(t, found, heading)
	match := regexp.MustCompile("(?s)```" + language + "\n(.*?)```").FindStringSubmatch(section)
	require.NotNil(t, match, "%s: %s", heading, language)
	return match[1]
}

func TestReadmeProgram(t *testing.T) {
	source, err := os.ReadFile("readme_test.go")
	require.NoError(t, err)
	program := block(t, "## In a Go program", "go")
	assert.LessOrEqual(t, strings.Count(program, "\n"), 15)
	for line := range strings.Lines(program) {
		assert.Contains(t, string(source), strings.TrimSpace(line))
	}
	t.Setenv("KUBECONFIG", testcluster.Kubeconfig(t))
	require.NoError(t, readme(t.Context()))
}

func TestReadmeTemplates(t *testing.T) {
	dir := t.TempDir()
	values := block(t, "## With templates of your own", "yaml")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "values.yaml"), []byte(values), 0o600))
	assert.Contains(t, block(t, "## With templates of your own", "go"), `TemplateDirs: []string{"builtin:restricted", "/etc/orchestra/templates"}`)
	d, err := driver.New(t.Context(), driver.Config{
		Namespace: "readme", Kubeconfig: testcluster.Simulated(t), TemplateDirs: []string{"builtin:restricted", dir},
	}, nil)
	require.NoError(t, err)
	require.NoError(t, d.Close())
}
