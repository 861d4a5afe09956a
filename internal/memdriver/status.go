package memdriver

import (
	"errors"
	"fmt"
	"os/exec"
	"syscall"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

const (
	reasonRunning   = "Running"
	reasonCompleted = "Completed"
	reasonError     = "Error"
	reasonStart     = "StartError"
	reasonKilled    = "Killed"
	reasonStdin     = "StdinFailed"
)

// status is where a process is, as a value.
type status struct {
	done            bool
	code            int
	reason, message string
}

var (
	_ orchestra.ContainerStatus = status{}
	_ orchestra.Explainer       = status{}
)

func failed(code int, reason string, err error) status {
	return status{done: true, code: code, reason: reason, message: err.Error()}
}

// statusOf explains how a program ended. cause is why its context ended, if that came first.
func statusOf(cmd *exec.Cmd, err, cause error) status {
	state, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
	var stdin stdinError
	switch {
	case !ok:
		return failed(noExitCode, reasonError, err)
	case state.Signaled() && errors.As(cause, &stdin):
		return failed(noExitCode, reasonStdin, fmt.Errorf("reading the standard input: %w", stdin.error))
	case state.Signaled():
		return failed(128+int(state.Signal()), reasonKilled, fmt.Errorf("signal %q ended the process", state.Signal()))
	case state.ExitStatus() != 0:
		return failed(state.ExitStatus(), reasonError, err)
	}
	return status{done: true, reason: reasonCompleted}
}

func (s status) IsDone() bool    { return s.done }
func (s status) ExitCode() int   { return s.code }
func (s status) Reason() string  { return s.reason }
func (s status) Message() string { return s.message }
