package main

import (
	"bytes"
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

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// nobody is a user without any rights, for tests that root runs.
const nobody = 65534

// user is somebody with devcluster, a cache folder of their own and the built
// programs in it. What they start meets no other cluster of this machine.
type user struct {
	t          *testing.T
	folder     string
	program    string
	credential *syscall.Credential // nil: whoever runs the tests
}

// newUser gives a user the named programs. The cluster is taken down at the end.
func newUser(t *testing.T, names ...string) *user {
	t.Helper()
	folder, err := os.MkdirTemp("", "dc") // short enough for sockets, unlike t.TempDir
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, os.RemoveAll(folder)) })
	u := &user{t: t, folder: folder, program: filepath.Join(folder, "devcluster")}
	// The real program, because it starts itself as a component.
	out, err := exec.Command("go", "build", "-o", u.program, ".").CombinedOutput()
	require.NoError(t, err, string(out))

	cache, err := os.UserCacheDir()
	require.NoError(t, err)
	cache = filepath.Join(cache, "orchestra-devcluster")
	builder := build.Builder{Module: pinned(), Cache: cache, Report: progress.New(os.Stderr)}
	bin, err := builder.Ensure(t.Context(), names...)
	require.NoError(t, err)
	mine := filepath.Join(u.cache(), "bin", filepath.Base(bin))
	require.NoError(t, os.MkdirAll(mine, 0o755))
	for _, name := range names {
		copyProgram(t, filepath.Join(bin, name), filepath.Join(mine, name))
	}
	t.Cleanup(func() { u.succeed("down") })
	return u
}

// ordinaryUser is not root, even if root runs the tests.
func ordinaryUser(t *testing.T) *user {
	t.Helper()
	u := newUser(t, build.Etcd, build.APIServer, build.ControllerManager, build.Scheduler, build.Kwok, build.Kubectl)
	if os.Geteuid() != 0 {
		return u
	}
	u.credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	// The folders only: the programs are links to root's own.
	require.NoError(t, filepath.WalkDir(u.folder, func(path string, entry os.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return err
		}
		return os.Chown(path, nobody, nobody)
	}))
	return u
}

// in returns the same user for a part of the test.
func (u *user) in(t *testing.T) *user {
	part := *u
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
func (u *user) cache() string {
	u.t.Setenv("HOME", u.folder)
	u.t.Setenv("XDG_CACHE_HOME", filepath.Join(u.folder, "cache"))
	cache, err := os.UserCacheDir()
	require.NoError(u.t, err)
	return filepath.Join(cache, "orchestra-devcluster")
}

// run executes one command and returns what it wrote, and its exit code.
func (u *user) run(args ...string) (stdout, stderr string, code int) {
	u.t.Helper()
	cmd := exec.Command(u.program, args...)
	cmd.Env = []string{
		"HOME=" + u.folder, "XDG_CACHE_HOME=" + filepath.Join(u.folder, "cache"),
		"PATH=" + os.Getenv("PATH"),
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: u.credential}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if err != nil {
		require.ErrorAs(u.t, err, new(*exec.ExitError))
	}
	u.t.Logf("devcluster %s: exit code %d\n%s%s", strings.Join(args, " "), cmd.ProcessState.ExitCode(), &out, &errs)
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// succeed executes a command that must succeed, and returns its stdout.
func (u *user) succeed(args ...string) string {
	u.t.Helper()
	stdout, stderr, code := u.run(args...)
	require.Zero(u.t, code, stderr)
	return stdout
}

func (u *user) info() cluster.Info {
	u.t.Helper()
	content, err := os.ReadFile(filepath.Join(u.cache(), "clusters", "dev", "info.json"))
	require.NoError(u.t, err)
	var info cluster.Info
	require.NoError(u.t, json.Unmarshal(content, &info))
	return info
}
