package build

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/lock"
	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/progress"
)

// parallel bounds how many packages are compiled at once: the biggest ones
// need over 1 GiB each, and the machine is somebody's workplace.
const parallel = "2"

// Builder compiles programs into a cache folder that all clusters share.
type Builder struct {
	Module Module
	Cache  string
	Report *progress.Reporter
}

// Ensure returns the folder that holds the named programs, after building those
// that are not there yet. Two builders of one cache take turns. An interrupted
// build leaves no half-written program behind.
func (b Builder) Ensure(ctx context.Context, names ...string) (string, error) {
	versions, err := b.Module.Versions()
	if err != nil {
		return "", err
	}
	bin := filepath.Join(b.Cache, "bin", versions.String())
	missing := absent(bin, names)
	if len(missing) == 0 {
		return bin, nil
	}
	held, err := lock.Acquire(ctx, bin+".lock", func(pid string) {
		b.Report.Say("waiting for process %s, which is building the same programs", pid)
	})
	if err != nil {
		return "", err
	}
	defer held.Unlock()

	missing = absent(bin, names)
	for i, name := range missing {
		title := fmt.Sprintf("building %s (%d of %d)", name, i+1, len(missing))
		source, err := b.writeModule(versions, name)
		if err != nil {
			return "", err
		}
		err = b.Report.Step(ctx, title, func(ctx context.Context) error {
			return compile(ctx, source, packages[name], filepath.Join(bin, name), versions.flags(name)...)
		})
		if err != nil {
			return "", fmt.Errorf("building %s: %w", name, err)
		}
	}
	return bin, nil
}

func absent(bin string, names []string) []string {
	var missing []string
	for _, name := range names {
		if _, err := os.Stat(filepath.Join(bin, name)); err != nil {
			missing = append(missing, name)
		}
	}
	return missing
}

// writeModule writes the go.mod and go.sum that pin a program to a folder, in
// which "go build" then works without any checkout.
func (b Builder) writeModule(versions Versions, name string) (string, error) {
	dir := filepath.Join(b.Cache, "build", versions.String())
	goMod, goSum := b.Module.GoMod, b.Module.GoSum
	if name == Containerd {
		dir = filepath.Join(dir, Containerd)
		goMod, goSum = b.Module.RuntimeMod, b.Module.RuntimeSum
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	for name, content := range map[string][]byte{"go.mod": goMod, "go.sum": goSum} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			return "", err
		}
	}
	return dir, nil
}

func compile(ctx context.Context, module, pkg, target string, flags ...string) error {
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	unfinished := target + ".unfinished"
	args := append([]string{"build", "-p", parallel, "-trimpath", "-o", unfinished}, flags...)
	cmd := exec.CommandContext(ctx, "go", append(args, pkg)...)
	cmd.Dir = module
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOOS=", "GOARCH=")
	// A group of its own, so that an interrupt ends the compilers with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, output.Bytes())
	}
	return os.Rename(unfinished, target)
}
