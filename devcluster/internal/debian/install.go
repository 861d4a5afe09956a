package debian

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// policyFile is asked by every package that wants to start a service, see
// invoke-rc.d(8). Exit code 101 forbids it.
const policyFile = "/usr/sbin/policy-rc.d"

// policy begins with what tells our file from somebody else's.
const policy = "#!/bin/sh\n# Written by Orchestra's devcluster while it installs packages; it may be removed.\nexit 101\n"

// Install installs packages. No service is started: the cluster runs its own
// containerd, with its own socket, and must not bring up a second one.
func Install(ctx context.Context, packages []string) error {
	restore, err := forbidServices(policyFile)
	if err != nil {
		return err
	}
	defer restore()
	if err := Refresh(ctx); err != nil {
		return err
	}
	return apt(ctx, "", append([]string{"install", "--yes", "--no-install-recommends"}, packages...)...)
}

// Refresh brings the list of packages up to date.
func Refresh(ctx context.Context) error { return apt(ctx, "", "update") }

// forbidServices returns how to undo it. A policy of the machine's own stays as
// it is; one that a killed run of ours left is removed in the end.
func forbidServices(file string) (restore func(), err error) {
	existing, err := os.ReadFile(file)
	switch {
	case err == nil && string(existing) != policy:
		return func() {}, nil
	case err != nil && !errors.Is(err, os.ErrNotExist):
		return nil, fmt.Errorf("reading the service policy: %w", err)
	}
	if err := os.WriteFile(file, []byte(policy), 0o755); err != nil {
		return nil, fmt.Errorf("forbidding packages to start services: %w", err)
	}
	return func() { _ = os.Remove(file) }, nil
}

func apt(ctx context.Context, dir string, args ...string) error {
	// Running as root in a folder that only root can read is fine here: apt would warn about it.
	cmd := exec.CommandContext(ctx, "apt-get", append([]string{"-q", "-o", "APT::Sandbox::User=root"}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	cmd.WaitDelay = 10 * time.Second // its downloaders hold the output, too
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, output.Bytes())
	}
	return nil
}
