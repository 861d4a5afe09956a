package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	utilnet "k8s.io/apimachinery/pkg/util/net"

	"github.com/orchestra-ci/orchestra-k8s/driver"
	"github.com/orchestra-ci/orchestra-k8s/internal/terminal"
	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

// Exit codes. A task's own passes through; like Docker's, 125 says that something around the task went wrong.
const (
	exitFailure = 1
	exitUsage   = 2
	exitAround  = 125
)

// passesExitCode annotates commands whose exit code is a task's.
const passesExitCode = "passes-exit-code"

// silentExit ends the program with a code, a task's own or that of a difference, when nothing more is to be said.
type silentExit struct{ code int }

func (e silentExit) Error() string { return fmt.Sprintf("ending with exit code %d", e.code) }

// interrupted is the cause of a context that a signal has ended.
type interrupted struct{ signal os.Signal }

func (e interrupted) Error() string { return e.signal.String() }

// exitCode is what a shell reports of a process that the signal has ended.
func exitCode(ctx context.Context) int {
	var by interrupted
	if !errors.As(context.Cause(ctx), &by) {
		return exitFailure
	}
	number, ok := by.signal.(syscall.Signal)
	if !ok {
		number = syscall.SIGINT
	}
	return 128 + int(number)
}

// usageError is a mistake in the command line.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// hinted is an error that knows what to do next.
type hinted struct {
	error
	hint string
}

func (e hinted) Unwrap() error { return e.error }

// report says what went wrong and what to do next, and returns the exit code.
func (c *cli) report(ctx context.Context, command *cobra.Command, err error) int {
	var ended silentExit
	switch {
	case err == nil:
		return 0
	case errors.As(err, &ended):
		return ended.code
	case ctx.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, syscall.EPIPE)):
		return exitCode(ctx)
	}
	c.sayStyled(c.errorColour.Bad("error:") + " " + terminal.Clean(err.Error()))
	if hint := hintFor(command, err); hint != "" {
		c.say("%s", hint)
	}
	var usage usageError
	switch {
	case ctx.Err() != nil:
		return exitCode(ctx)
	case command.Annotations[passesExitCode] != "":
		return exitAround
	case errors.As(err, &usage):
		return exitUsage
	}
	return exitFailure
}

// hintFor is one sentence on what to do next.
func hintFor(command *cobra.Command, err error) string {
	var own hinted
	var usage usageError
	var foreign *driver.ForeignError
	var invalid *orchestra.InvalidError
	var explained orchestra.Explainer
	switch {
	case errors.As(err, &own):
		return own.hint
	case errors.As(err, &usage), errors.As(err, &invalid):
		return fmt.Sprintf("`%s --help` shows how it is used.", command.CommandPath())
	case errors.As(err, &explained):
		return "" // the error holds the advice already
	case errors.Is(err, orchestra.ErrContainerNotFound):
		return "`kubectl orchestra ps` lists the tasks of this --scope and --namespace."
	case errors.As(err, &foreign):
		return "Use another --scope, another ID, or remove that object if it is yours."
	case apierrors.IsUnauthorized(err):
		return "The cluster does not know you: renew the credentials in your kubeconfig, or choose another --context."
	case apierrors.IsForbidden(err):
		return "`kubectl orchestra rbac` prints the Role that is needed; `kubectl orchestra doctor` shows what is missing."
	case errors.Is(err, context.DeadlineExceeded), utilnet.IsTimeout(err):
		return "The cluster answers slowly or not at all: try again with a longer --request-timeout, and see `kubectl orchestra doctor`."
	case isConnection(err):
		return "Check that the cluster runs and that --kubeconfig and --context name the right one; `kubectl orchestra doctor` shows what was tried."
	case errors.Is(err, fs.ErrNotExist):
		return "Check the path; relative ones begin at the current directory."
	}
	return fmt.Sprintf("`kubectl orchestra doctor` checks the cluster; `%s --help` shows how the command is used.", command.CommandPath())
}

func isConnection(err error) bool {
	return utilnet.IsConnectionRefused(err) || utilnet.IsConnectionReset(err) || utilnet.IsProbableEOF(err) ||
		strings.Contains(err.Error(), "no such host") || strings.Contains(err.Error(), "finding a cluster")
}
