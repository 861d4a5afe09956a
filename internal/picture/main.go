// Command picture records real runs of kubectl-orchestra in a pseudo-terminal and writes them as an SVG: the README's picture.
//
//	KUBECONFIG=... go run ./internal/picture docs/run.svg
//
// It needs `script` of util-linux, and a cluster on which the tasks of its scope may run.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
)

// scope is the Orchestra namespace of the recorded tasks. It is closed before and after.
const scope = "picture"

// commands are what the picture shows.
var commands = []string{
	`kubectl orchestra run build-7 --image busybox -v cache:cache --cpu 0.5 -- sh -c 'echo built | tee cache/result'`,
	`kubectl orchestra run hungry --image busybox --memory 8Mi -- sh -c 'exec tail /dev/zero'`,
	`kubectl orchestra ps -o wide`,
	`kubectl orchestra status hungry`,
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "picture:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) != 1 {
		return errors.New("want one argument: the file to write")
	}
	dir, err := os.MkdirTemp("", "picture-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := install(ctx, dir); err != nil {
		return err
	}
	environment := append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "TERM=xterm")
	closeScope := func() error { return record(ctx, environment, "kubectl orchestra close --yes", &bytes.Buffer{}) }
	if err := closeScope(); err != nil {
		return err
	}
	var text bytes.Buffer
	for _, command := range commands {
		text.WriteString("\x1b[1m$ " + command + "\x1b[0m\r\n")
		if err := record(ctx, environment, command, &text); err != nil {
			return errors.Join(err, closeScope())
		}
		text.WriteString("\r\n")
	}
	shown := text.String()
	if home, err := os.UserHomeDir(); err == nil { // without a home there is nothing to hide
		shown = strings.ReplaceAll(shown, home, "~")
	}
	return errors.Join(os.WriteFile(args[0], []byte(svg(interpret(shown))), 0o644), closeScope())
}

// install makes a `kubectl` in dir that knows only this plugin, and works in the picture's scope.
func install(ctx context.Context, dir string) error {
	program := filepath.Join(dir, "kubectl-orchestra")
	build := exec.CommandContext(ctx, "go", "build", "-o", program, "./cmd/kubectl-orchestra")
	if output, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("building: %w\n%s", err, output)
	}
	script := fmt.Sprintf("#!/bin/sh\nshift; verb=$1; shift\nexec %q \"$verb\" --scope %s \"$@\"\n", program, scope)
	return os.WriteFile(filepath.Join(dir, "kubectl"), []byte(script), 0o755)
}

// record runs a command in a pseudo-terminal. A task that fails is no failure of the recording; a command that writes nothing is.
func record(ctx context.Context, environment []string, command string, to *bytes.Buffer) error {
	recorder := exec.CommandContext(ctx, "script", "--quiet", "--return", "--command", fmt.Sprintf("stty cols %d; %s", columns, command), os.DevNull)
	recorder.Env = environment
	output, err := recorder.Output()
	to.Write(output)
	var exit *exec.ExitError
	if errors.As(err, &exit) && len(output) > 0 {
		return nil
	}
	if err != nil {
		return fmt.Errorf("recording %q: %w", command, err)
	}
	return nil
}
