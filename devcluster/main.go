// Command devcluster runs a real Kubernetes on one machine, for developing and
// testing Orchestra's driver.
package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/build"
	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/cluster"
)

// The programs of the cluster are built from this very module, wherever the
// binary is run from.
//
//go:embed go.mod
var goMod []byte

//go:embed go.sum
var goSum []byte

// containerd has a module of its own: its requirements and Kubernetes' do not go together.
//
//go:embed containerd.mod
var runtimeMod []byte

//go:embed containerd.sum
var runtimeSum []byte

// pinned is what the cluster is built from.
func pinned() build.Module {
	return build.Module{GoMod: goMod, GoSum: goSum, RuntimeMod: runtimeMod, RuntimeSum: runtimeSum}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// The exit codes.
const (
	exitFailed = 1
	exitNoNode = 3 // check-node: a node cannot run here
)

// run executes one command and returns the program's exit code.
func run(ctx context.Context, args []string) int {
	command := newCommand(pinned())
	command.SetArgs(args)
	err := command.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	if !errors.Is(err, cluster.ErrUnhealthy) { // whose details were written already
		fmt.Fprintln(os.Stderr, "devcluster:", err)
	}
	if errors.Is(err, errNoNode) {
		return exitNoNode
	}
	return exitFailed
}
