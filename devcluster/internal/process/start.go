package process

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// markVariable is the environment variable by which every process of a cluster
// can be told, even one that was started right before its starter was killed.
const markVariable = "ORCHESTRA_DEVCLUSTER"

// Command is a program to be started in the background.
type Command struct {
	Path string
	Args []string // without the program's own name
	Log  string   // stdout and stderr are appended to this file
	Mark string   // inherited by all descendants, see Marked
}

// Start starts the program in a session of its own, so that neither a closed
// terminal nor Ctrl-C reaches it, and returns its identity. It is not waited
// for: it outlives the caller.
func Start(c Command) (Identity, error) {
	if err := os.MkdirAll(filepath.Dir(c.Log), 0o755); err != nil {
		return Identity{}, err
	}
	log, err := os.OpenFile(c.Log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return Identity{}, err
	}
	defer func() { _ = log.Close() }()

	cmd := exec.Command(c.Path, c.Args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Dir = "/"
	cmd.Env = environment(c.Mark)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return Identity{}, fmt.Errorf("starting %s: %w", c.Path, err)
	}
	// Even if it has ended at once: it is our child, and nobody has reaped it.
	id, _, err := identify(cmd.Process.Pid)
	if err != nil {
		return Identity{}, err
	}
	return id, cmd.Process.Release()
}

// environment is small and the same for everyone: proxies, kubeconfigs and Go
// settings of the caller must not change how the cluster behaves.
func environment(mark string) []string {
	return []string{
		"HOME=" + os.Getenv("HOME"),
		"PATH=" + os.Getenv("PATH") + ":/usr/local/sbin:/usr/sbin:/sbin",
		markVariable + "=" + mark,
	}
}
