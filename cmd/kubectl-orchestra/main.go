// Command kubectl-orchestra runs Orchestra's tasks on a Kubernetes cluster, from a terminal. On the PATH it is a kubectl
// plugin: `kubectl orchestra run ...`.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	_ "github.com/orchestra-ci/orchestra-k8s/internal/lazygc" // before anything else fills the heap
)

func main() {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	signal.Ignore(syscall.SIGPIPE) // it would end the program in the midst of things; see pipe
	os.Exit(run(context.Background(), processStreams(), signals, os.Args[1:]))
}

// run is the whole program: it returns the exit code.
func run(ctx context.Context, s streams, signals <-chan os.Signal, args []string) int {
	ctx, interrupt := context.WithCancelCause(ctx)
	defer interrupt(nil)
	s.out = pipe{s.out, func() { interrupt(interrupted{syscall.SIGPIPE}) }}
	c := &cli{streams: s}
	root := newRoot(c)
	root.SetArgs(args)
	result := make(chan int, 1)
	go func() {
		command, err := root.ExecuteContextC(ctx)
		result <- c.report(ctx, command, err)
	}()
	for {
		select {
		case code := <-result:
			return code
		case received := <-signals:
			// The first signal ends what is under way in order, the second at once.
			if ctx.Err() != nil {
				c.typing.Release()
				c.say("left at once: what was under way may be half done; `kubectl orchestra ps` shows it")
				return exitCode(ctx)
			}
			interrupt(interrupted{received})
		}
	}
}
