package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/util/rand"

	"github.com/orchestra-ci/orchestra-k8s/internal/testcluster"
)

// asKubectl makes a `kubectl` that knows only this plugin. It returns the environment for commands that use it, in a scope of their own.
func asKubectl(t *testing.T) []string {
	t.Helper()
	program, err := os.Executable()
	require.NoError(t, err)
	dir := t.TempDir()
	script := fmt.Sprintf("#!/bin/sh\n[ \"$1\" = orchestra ] && shift\nfirst=$1; shift\n%s=1 exec %q \"$first\" --scope cli-%s --set terminationGracePeriodSeconds=1 \"$@\"\n",
		beProgram, program, rand.String(8))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "kubectl"), []byte(script), 0o755))
	return append(os.Environ(), "PATH="+dir+string(filepath.ListSeparator)+os.Getenv("PATH"), "KUBECONFIG="+testcluster.Kubeconfig(t))
}

// shell runs a command line and returns its exit code and what it wrote.
func shell(t *testing.T, environment []string, dir, line string) (int, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	command := exec.CommandContext(ctx, "sh", "-c", line)
	command.Env, command.Dir = environment, dir
	written, err := command.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		require.NoError(t, err, "%s\n%s", line, written)
	}
	return command.ProcessState.ExitCode(), string(written)
}

// Commands in an order in which the examples of one find what those of another have made.
var inOrder = []string{
	"", "run", "ps", "status", "logs", "wait", "exec", "shell", "cp", "volumes", "render", "template", "template init", "template list", "template lint", "template test",
	"rm", "volumes rm", "sweep", "close", "doctor", "rbac", "version",
}

// exitCodes are those of examples that do not end with 0.
var exitCodes = map[string]int{
	"kubectl orchestra render build-7 --image busybox --templates builtin:job --diff default": exitFailure,
}

// endless are examples that go on until they are interrupted.
var endless = map[string]bool{"kubectl orchestra ps -w": true}

func TestEveryExampleWorks(t *testing.T) {
	t.Parallel()
	examples := map[string]string{}
	collectExamples(newRoot(&cli{}), examples)
	environment, dir := asKubectl(t), t.TempDir()
	for _, name := range inOrder {
		require.NotEmpty(t, strings.TrimSpace(examples[name]), "%q has no example", name)
		for line := range strings.Lines(examples[name]) {
			line = strings.TrimSpace(line)
			run := line
			if endless[line] {
				run = "timeout -s INT 3 " + line + " || [ $? = 124 ]"
			}
			code, written := shell(t, environment, dir, run)
			assert.Equal(t, exitCodes[line], code, "%s\n%s", line, written)
		}
		delete(examples, name)
	}
	assert.Empty(t, examples, "commands whose examples are not run")
}

func collectExamples(command *cobra.Command, examples map[string]string) {
	name := strings.TrimSpace(strings.TrimPrefix(command.CommandPath(), "kubectl orchestra"))
	examples[name] = command.Example
	for _, sub := range command.Commands() {
		collectExamples(sub, examples)
	}
}
