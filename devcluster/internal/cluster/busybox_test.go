package cluster

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/build"
	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/debian"
	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/layout"
	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/progress"
)

// staticBusybox makes a program that says it is that version of busybox.
func staticBusybox(t *testing.T, path, version string) {
	t.Helper()
	source := filepath.Join(t.TempDir(), "main.go")
	program := "package main\n\nimport \"fmt\"\n\nfunc main() { fmt.Println(`BusyBox " + version + " (fake)`) }\n"
	require.NoError(t, os.WriteFile(source, []byte(program), 0o600))
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", path, source)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
}

// clusterWithout returns a cluster on a machine that has neither a busybox nor
// an apt, and what it has said.
func clusterWithout(t *testing.T) (*Cluster, func() string) {
	t.Helper()
	if own := debian.FindBusybox(t.Context(), t.TempDir()); own.Path != "" {
		t.Skipf("this machine has busybox %s itself", own.Version)
	}
	said, err := os.Create(filepath.Join(t.TempDir(), "said"))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, said.Close()) })
	c := New(layout.Layout{Cache: t.TempDir()}, build.Module{}, progress.New(said))
	return c, func() string {
		content, err := os.ReadFile(said.Name())
		require.NoError(t, err)
		return string(content)
	}
}

func TestAnOldBusyboxWillDo(t *testing.T) {
	c, said := clusterWithout(t)
	old := filepath.Join(c.Cache, "busybox", "bin", "busybox")
	staticBusybox(t, old, "v1.35.0")
	t.Setenv("PATH", t.TempDir()) // without apt

	busybox, err := c.busybox(t.Context())
	require.NoError(t, err)
	assert.Equal(t, old, busybox)
	assert.Contains(t, said(), "getting a later busybox than v1.35.0")
	assert.Contains(t, said(), "no later busybox is to be had here")
	assert.Contains(t, said(), "images are made of busybox v1.35.0, "+old+"\n")
}

func TestALaterBusyboxIsGotOnce(t *testing.T) {
	c, said := clusterWithout(t)
	staticBusybox(t, filepath.Join(c.Cache, "busybox", "bin", "busybox"), "v1.35.0")
	later := filepath.Join(c.Cache, "busybox", debian.LaterRelease, "usr", "bin", "busybox")
	staticBusybox(t, later, "v1.37.0")
	t.Setenv("PATH", t.TempDir()) // without apt

	busybox, err := c.busybox(t.Context())
	require.NoError(t, err)
	assert.Equal(t, later, busybox)
	assert.Equal(t, "images are made of busybox v1.37.0, "+later+"\n", said())
}

func TestWithoutAnyBusyboxThereAreNoImages(t *testing.T) {
	c, said := clusterWithout(t)
	t.Setenv("PATH", t.TempDir()) // without apt

	_, err := c.busybox(t.Context())
	require.ErrorContains(t, err, "busybox-static")
	assert.Contains(t, said(), "getting a static busybox")
}

func TestAnInterruptIsNoReasonForAnOldBusybox(t *testing.T) {
	release, err := os.ReadFile("/etc/os-release")
	if err != nil || !strings.Contains("\n"+string(release), "\nID=debian\n") {
		t.Skip("apt is asked on Debian only")
	}
	c, _ := clusterWithout(t)
	staticBusybox(t, filepath.Join(c.Cache, "busybox", "bin", "busybox"), "v1.35.0")
	path, asked := t.TempDir(), filepath.Join(t.TempDir(), "asked")
	apt := "#!/bin/sh\n: > " + asked + "\nexec /bin/sleep 600\n"
	require.NoError(t, os.WriteFile(filepath.Join(path, "apt-get"), []byte(apt), 0o755))
	t.Setenv("PATH", path)

	ctx, interrupt := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := c.busybox(ctx)
		ended <- err
	}()
	require.Eventually(t, func() bool {
		_, err := os.Stat(asked)
		return err == nil
	}, time.Minute, 10*time.Millisecond)
	interrupt()
	assert.ErrorIs(t, <-ended, context.Canceled)
}
