package main

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchestra-ci/orchestra-k8s/driver"
)

// patience is for machines that are busy.
const patience = 3 * time.Minute

func TestRunPassesEverythingThrough(t *testing.T) {
	t.Parallel()
	s := newScope(t)
	env := filepath.Join(t.TempDir(), "env")
	require.NoError(t, os.WriteFile(env, []byte("A=file\nB=from a file\n"), 0o600))
	got := program(t, "from stdin", s.with("run", "task", "--image", "busybox", "-i", "-e", "A=b c", "--env-file", env, "-v", "data:data", "--memory", "64Mi", "--cpu", "250m",
		"--rm", "--remove-volumes", "--", "sh", "-c", `cat > data/x; echo "$A, $B: $(cat data/x)"; echo oops >&2; exit 7`)...)
	assert.Equal(t, 7, got.code, got.err)
	assert.Contains(t, got.out, "b c, from a file: from stdin\n")
	assert.Contains(t, got.out+got.err, "oops\n")
	assert.Contains(t, got.err, `task "task": exit code 7: Error`)
	assert.Contains(t, got.err, "cluster: https://")
	assert.NotContains(t, got.out+got.err, "\x1b", "colours are for terminals")

	assert.Contains(t, s.program("ps").err, "no tasks in scope")
	assert.Contains(t, s.program("volumes").err, "no volumes in scope")
}

func TestRunReadsATaskFileAndFlagsBeatIt(t *testing.T) {
	t.Parallel()
	s := newScope(t)
	file := filepath.Join(t.TempDir(), "task.yaml")
	require.NoError(t, os.WriteFile(file, []byte("id: filed\nimage: no/such\nenv: {A: file, B: file}\ncommand: [sh, -c, 'echo $A $B']\n"), 0o600))
	got := s.program("run", "-f", file, "--image", "busybox", "-e", "A=flag")
	assert.Zero(t, got.code, got.err)
	assert.Equal(t, "flag file\n", got.out)
	assert.Equal(t, "flag file\n", s.program("logs", "filed").out)
}

func TestATaskFromItsStartToItsRemoval(t *testing.T) {
	t.Parallel()
	s := newScope(t)
	got := s.program("run", "slow", "-d", "--image", "busybox", "-v", "cache:cache", "--", "sh", "-c", "echo begun; until [ -e cache/go ]; do sleep 0.1; done; echo ended; exit 5")
	require.Zero(t, got.code, got.err)
	assert.Equal(t, "slow\n", got.out)

	logs := start(t, streams{}, s.with("logs", "-f", "slow")...)
	logs.out.await(t, "begun")
	got = s.program("ps")
	assert.Regexp(t, `(?m)^slow +Running +- `, got.out)
	got = s.program("wait", "slow", "--timeout", "1ms")
	assert.Equal(t, exitAround, got.code)
	assert.Contains(t, got.err, "error: not all have ended within 1ms\nThey go on")

	got = s.program("run", "go", "--image", "busybox", "-v", "cache:/c", "--", "touch", "c/go")
	assert.Zero(t, got.code, got.err)
	got = s.program("wait", "go", "slow")
	assert.Equal(t, 5, got.code, got.err)
	assert.Contains(t, got.out, "go 0 Completed\n")
	assert.Contains(t, got.out, "slow 5 Error\n")
	followed := logs.wait()
	assert.Zero(t, followed.code, followed.err)
	assert.Equal(t, "begun\nended\n", followed.out)

	got = s.program("status", "slow")
	require.Zero(t, got.code, got.err)
	for _, want := range []string{"task       slow\n", "outcome    Error (exit code 5)\n", "message    ", "object     Pod/default/", "running  ", "█", "Scheduled"} {
		assert.Contains(t, got.out, want)
	}
	var report struct {
		driver.TaskInfo
		Phases []phase
		Events []driver.TaskEvent
	}
	require.NoError(t, json.Unmarshal([]byte(s.program("status", "slow", "-o", "json").out), &report))
	assert.Equal(t, 5, report.ExitCode)
	assert.Equal(t, "running", report.Phases[len(report.Phases)-1].Name)
	assert.NotEmpty(t, report.Events)

	assert.Contains(t, s.program("ps", "-o", "wide").out, "busybox")
	assert.Equal(t, "go\nslow\n", s.program("ps", "-o", "name").out)
	assert.Contains(t, s.program("__complete", "rm", "go", "").out, "slow\tError\n")
	assert.NotContains(t, s.program("__complete", "rm", "go", "").out, "go\t")
	assert.Contains(t, s.program("__complete", "volumes", "rm", "").out, "cache\tBound\n")
	assert.Equal(t, "cache\n", s.program("volumes", "-o", "name").out)
	assert.Contains(t, s.program("volumes", "-o", "yaml").out, "name: cache\n")

	got = s.program("rm", "slow", "never", "go")
	assert.Equal(t, exitFailure, got.code)
	assert.Equal(t, "slow\ngo\n", got.out)
	assert.Contains(t, got.err, `finding task "never": container not found`)
	assert.Contains(t, got.err, "`kubectl orchestra ps` lists the tasks")
	assert.Equal(t, "cache\n", s.program("volumes", "rm", "cache").out)
	got = s.program("volumes", "rm", "cache")
	assert.Equal(t, exitFailure, got.code)
	assert.Contains(t, got.err, `removing volume "cache": there is no such volume`)
}

func TestCtrlCStopsAndRemovesTheTask(t *testing.T) {
	t.Parallel()
	s := newScope(t)
	p := start(t, streams{}, s.with("run", "endless", "--image", "busybox", "--", "sh", "-c", "echo begun; sleep 1000")...)
	p.out.await(t, "begun")
	p.signals <- syscall.SIGINT
	got := p.wait()
	assert.Equal(t, 130, got.code)
	assert.Contains(t, got.err, `interrupt: removing task "endless"`)
	assert.Contains(t, s.program("ps").err, "no tasks in scope")
}

func TestAReaderThatLeavesStopsAndRemovesTheTask(t *testing.T) {
	t.Parallel()
	s := newScope(t)
	program, err := os.Executable()
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	command := exec.CommandContext(ctx, program, s.with("run", "endless", "--image", "busybox", "--", "yes")...)
	command.Env = append(os.Environ(), beProgram+"=1")
	said := newScreen()
	command.Stderr = said
	out, err := command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	_, err = io.ReadFull(out, make([]byte, 2))
	require.NoError(t, err, said.end())
	require.NoError(t, out.Close())
	var exit *exec.ExitError
	require.ErrorAs(t, command.Wait(), &exit, said.end())
	assert.Equal(t, 128+13, exit.ExitCode(), said.end())
	assert.Contains(t, said.String(), `broken pipe: removing task "endless"`)
	assert.NotContains(t, said.String(), "error:")
	assert.Contains(t, s.program("ps").err, "no tasks in scope")
}

func TestASecondCtrlCLeavesAtOnce(t *testing.T) {
	t.Parallel()
	s := newScope(t)
	p := start(t, streams{}, s.with("run", "stubborn", "--image", "busybox", "--set", "terminationGracePeriodSeconds=20", "--",
		"sh", "-c", "trap '' TERM; echo begun; while :; do sleep 1; done")...)
	p.out.await(t, "begun")
	p.signals <- syscall.SIGTERM
	p.err.await(t, "again to leave at once")
	began := time.Now()
	p.signals <- syscall.SIGTERM
	got := p.wait()
	assert.Equal(t, 143, got.code)
	assert.Less(t, time.Since(began), 10*time.Second)
	assert.Contains(t, got.err, "left at once")
}

func TestProgressOnATerminalIsWrittenInPlace(t *testing.T) {
	t.Parallel()
	s := newScope(t)
	p := start(t, streams{live: true, width: 100, errorColour: true}, s.with("run", "--image", "busybox", "--set", "nodeSelector.nowhere=at-all", "stuck")...)
	p.err.await(t, `task "stuck": waits, `)
	p.signals <- syscall.SIGINT
	got := p.wait()
	assert.Equal(t, 130, got.code)
	assert.Contains(t, got.err, "\x1b[1A\x1b[J")
}

func TestWatchShowsEveryTask(t *testing.T) {
	t.Parallel()
	s := newScope(t)
	lines := start(t, streams{}, s.with("ps", "-w")...)
	objects := start(t, streams{}, s.with("ps", "-w", "-o", "json")...)
	table := start(t, streams{screen: true, width: 80}, s.with("ps", "-w")...)
	require.Zero(t, s.program("run", "seen", "--image", "busybox", "--", "true").code)
	lines.out.await(t, "seen Completed 0\n")
	objects.out.await(t, `"reason":"Completed"`)
	table.out.await(t, "Completed")
	for _, p := range []*running{lines, objects, table} {
		p.signals <- syscall.SIGINT
		assert.Equal(t, 130, p.wait().code)
	}
	for line := range strings.Lines(objects.out.String()) {
		var info driver.TaskInfo
		require.NoError(t, json.Unmarshal([]byte(line), &info))
		assert.Equal(t, "seen", info.ID)
	}
	assert.Contains(t, table.out.String(), "\x1b[J")
	got := s.program("ps", "-w", "-o", "yaml")
	assert.Equal(t, exitUsage, got.code)
}
