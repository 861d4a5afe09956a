package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// blocks are the fenced blocks of a page in one language.
func blocks(t *testing.T, page, language string) []string {
	t.Helper()
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	var found []string
	for _, match := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllStringSubmatch(string(text), -1) {
		found = append(found, match[1])
	}
	require.NotEmpty(t, found, "%s: %s", page, language)
	return found
}

const cliPage = "../../docs/cli.md"

func TestCommandsOfThePage(t *testing.T) {
	t.Parallel()
	environment, dir := asKubectl(t), t.TempDir()
	for line := range strings.Lines(blocks(t, cliPage, "sh")[0]) {
		if strings.HasPrefix(line, "kubectl ") { // the other line installs the program
			code, written := shell(t, environment, dir, line)
			assert.Zero(t, code, "%s%s", line, written)
		}
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "task.yaml"), []byte(blocks(t, cliPage, "yaml")[0]), 0o600))
	code, written := shell(t, environment, dir, "kubectl orchestra render -f task.yaml")
	assert.Zero(t, code, written)
	assert.Contains(t, written, "GREETING")
	code, written = shell(t, environment, dir, "kubectl orchestra close --yes")
	assert.Zero(t, code, written)
}

func TestThePageKnowsEveryCommandAndFlag(t *testing.T) {
	text, err := os.ReadFile(cliPage)
	require.NoError(t, err)
	root := newRoot(&cli{})
	for _, command := range root.Commands() {
		assert.Contains(t, string(text), "`"+command.Name(), "a command that the page leaves out")
	}
	root.PersistentFlags().VisitAll(func(flag *pflag.Flag) {
		assert.Contains(t, string(text), "`--"+flag.Name, "a flag that the page leaves out")
	})
}

func TestEveryCommandSaysHowItIsUsed(t *testing.T) {
	var visit func(command *cobra.Command)
	visit = func(command *cobra.Command) {
		assert.NotEmpty(t, command.Short, command.CommandPath())
		assert.NotNil(t, command.Args, "%s: unchecked arguments", command.CommandPath())
		got := program(t, "", append(strings.Fields(strings.TrimPrefix(command.CommandPath(), "kubectl orchestra")), "--help")...)
		assert.Zero(t, got.code)
		assert.Contains(t, got.out, "Examples:\n"+command.Example, command.CommandPath())
		for _, sub := range command.Commands() {
			visit(sub)
		}
	}
	visit(newRoot(&cli{}))
}
