// Command kubectl-orchestra runs Orchestra's tasks on a Kubernetes cluster, from a terminal. On the PATH it is a kubectl
// plugin: `kubectl orchestra run ...`.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, streams{os.Stdin, os.Stdout, os.Stderr}, os.Args[1:])
	stop()
	os.Exit(code)
}

// run is the whole program: it returns the exit code. That of a task passes through; 125 is for what went wrong around it.
func run(ctx context.Context, io streams, args []string) int {
	root := newRoot(io)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	var ended exitError
	if errors.As(err, &ended) {
		return ended.code
	}
	_, _ = fmt.Fprintln(io.err, "kubectl-orchestra:", err)
	return exitFailure
}

// exitFailure is the exit code for errors of this program or of the cluster, as Docker's is for its own.
const exitFailure = 125

// exitError passes a task's exit code through.
type exitError struct{ code int }

func (e exitError) Error() string { return fmt.Sprintf("the task ended with exit code %d", e.code) }
