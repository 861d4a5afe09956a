package main

import (
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// released builds the plugin as it is released, unpacks its archive, and returns the directory.
func released(t testing.TB) string {
	t.Helper()
	name := "kubectl-orchestra_" + runtime.GOOS + "_" + runtime.GOARCH + ".tar.gz"
	output, err := exec.CommandContext(t.Context(), "make", "-C", "../..", "dist/"+name).CombinedOutput()
	require.NoError(t, err, "%s", output)
	dir := t.TempDir()
	output, err = exec.CommandContext(t.Context(), "tar", "-xzf", filepath.Join("../../dist", name), "-C", dir).CombinedOutput()
	require.NoError(t, err, "%s", output)
	return dir
}
