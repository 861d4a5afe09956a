package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/build"
	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/cluster"
	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/progress"
)

// runAsProgram makes the test binary behave like devcluster itself.
const runAsProgram = "DEVCLUSTER_TEST_RUN_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(runAsProgram) != "" {
		os.Exit(run(context.Background(), os.Args[1:]))
	}
	goleak.VerifyTestMain(m)
}

// nobody is a user without any rights, for tests that root runs.
const nobody = 65534

// ordinary is devcluster as an ordinary user has it: a program, a cache folder
// with the built programs in it, and no rights.
type ordinary struct {
	t       *testing.T
	folder  string
	program string
}

func ordinaryUser(t *testing.T) *ordinary {
	t.Helper()
	folder, err := os.MkdirTemp("", "dc") // short enough for sockets, unlike t.TempDir
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, os.RemoveAll(folder)) })

	self, err := os.Executable()
	require.NoError(t, err)
	o := &ordinary{t: t, folder: folder, program: filepath.Join(folder, "devcluster")}
	copyProgram(t, self, o.program)

	cache, err := os.UserCacheDir()
	require.NoError(t, err)
	cache = filepath.Join(cache, "orchestra-devcluster")
	names := []string{build.Etcd, build.APIServer, build.ControllerManager, build.Scheduler, build.Kwok}
	builder := build.Builder{Module: build.Module{GoMod: goMod, GoSum: goSum}, Cache: cache, Report: progress.New(os.Stderr)}
	bin, err := builder.Ensure(t.Context(), names...)
	require.NoError(t, err)
	mine := filepath.Join(o.cache(), "bin", filepath.Base(bin))
	require.NoError(t, os.MkdirAll(mine, 0o755))
	for _, name := range names {
		copyProgram(t, filepath.Join(bin, name), filepath.Join(mine, name))
	}
	if os.Geteuid() == 0 {
		// The folders only: the programs are links to root's own.
		require.NoError(t, filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
			if err != nil || !entry.IsDir() {
				return err
			}
			return os.Chown(path, nobody, nobody)
		}))
	}
	t.Cleanup(func() { o.succeed("down") })
	return o
}

// in returns the same user for a part of the test.
func (o *ordinary) in(t *testing.T) *ordinary {
	part := *o
	part.t = t
	return &part
}

func copyProgram(t *testing.T, from, to string) {
	t.Helper()
	if os.Link(from, to) == nil {
		return
	}
	source, err := os.Open(from)
	require.NoError(t, err)
	defer func() { _ = source.Close() }()
	target, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	require.NoError(t, err)
	_, err = io.Copy(target, source)
	require.NoError(t, err)
	require.NoError(t, target.Close())
}

// cache depends on the system, as os.UserCacheDir does.
func (o *ordinary) cache() string {
	o.t.Setenv("HOME", o.folder)
	o.t.Setenv("XDG_CACHE_HOME", filepath.Join(o.folder, "cache"))
	cache, err := os.UserCacheDir()
	require.NoError(o.t, err)
	return filepath.Join(cache, "orchestra-devcluster")
}

// run executes one command and returns what it wrote, and its exit code.
func (o *ordinary) run(args ...string) (stdout, stderr string, code int) {
	o.t.Helper()
	cmd := exec.Command(o.program, args...)
	cmd.Env = []string{
		"HOME=" + o.folder, "XDG_CACHE_HOME=" + filepath.Join(o.folder, "cache"),
		"PATH=" + os.Getenv("PATH"), runAsProgram + "=1",
	}
	if os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if err != nil {
		require.ErrorAs(o.t, err, new(*exec.ExitError))
	}
	o.t.Logf("devcluster %s: exit code %d\n%s%s", strings.Join(args, " "), cmd.ProcessState.ExitCode(), &out, &errs)
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// succeed executes a command that must succeed, and returns its stdout.
func (o *ordinary) succeed(args ...string) string {
	o.t.Helper()
	stdout, stderr, code := o.run(args...)
	require.Zero(o.t, code, stderr)
	return stdout
}

func (o *ordinary) info() cluster.Info {
	o.t.Helper()
	content, err := os.ReadFile(filepath.Join(o.cache(), "clusters", "dev", "info.json"))
	require.NoError(o.t, err)
	var info cluster.Info
	require.NoError(o.t, json.Unmarshal(content, &info))
	return info
}
