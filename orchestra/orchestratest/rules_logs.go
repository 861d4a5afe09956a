package orchestratest

import (
	"bytes"
	"errors"
	"strconv"
	"strings"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var logRules = []rule{
	{
		"both streams arrive once",
		"stdout goes to the first writer; stderr to the second or, where the backend merges them, to the first; never to both.",
		func(s *subject) {
			container := s.run(shell("streams", "echo to-stdout; echo to-stderr >&2"))
			s.await(container)
			stdout, stderr := s.logs(container, false)
			assert.Equal(s, 1, strings.Count(stdout, "to-stdout\n"), "stdout is %q", stdout)
			assert.NotContains(s, stderr, "to-stdout")
			assert.Equal(s, 1, strings.Count(stdout+stderr, "to-stderr\n"), "stdout is %q, stderr is %q", stdout, stderr)
			assert.Len(s, stdout+stderr, len("to-stdout\nto-stderr\n"))
		},
	},
	{
		"logs are complete after the end",
		"a task's output is its result: all of it is there once the task is done, without a line too many, also the last line without a newline.",
		func(s *subject) {
			task := shell("many-lines", "seq 1 2000 | sed 's/$/"+padding+"/'; printf end")
			assertText(s, strings.ReplaceAll(countTo(2000), "\n", padding+"\n")+"end", s.succeed(task))
		},
	},
	{
		"an empty log is empty",
		"a task that writes nothing has no output, and reading that is no error.",
		func(s *subject) {
			container := s.run(shell("silent", "true"))
			s.await(container)
			stdout, stderr := s.logs(container, false)
			assert.Empty(s, stdout+stderr)
		},
	},
	{
		"logs can be read again",
		"reading does not use the log up: a retry or a second reader gets the same.",
		func(s *subject) {
			container := s.run(shell("again", "seq 1 100"))
			s.await(container)
			for _, follow := range []bool{false, true, false} {
				stdout, _ := s.logs(container, follow)
				assertText(s, countTo(100), stdout)
			}
		},
	},
	{
		"logs of a running task",
		"without follow Logs returns what there is so far, and does not wait for the end; before the start that is nothing, and no error.",
		logsOfARunningTask,
	},
	{
		"one writer may be both",
		"callers pass one buffer as stdout and stderr to get the output as a terminal shows it, so the driver never writes to both at once.",
		func(s *subject) {
			container := s.run(shell("combined", "for i in $(seq 1 500); do echo out; echo err >&2; done"))
			var both bytes.Buffer // without a lock: the race detector sees a driver that needs one
			require.NoError(s, container.Logs(s.ctx, &both, &both, true))
			assert.Equal(s, 500, strings.Count(both.String(), "out\n"))
			assert.Equal(s, 500, strings.Count(both.String(), "err\n"))
		},
	},
	{
		"errors of a writer are returned",
		"nil means that everything was delivered, which it was not when a writer has failed.",
		func(s *subject) {
			container := s.run(shell("unwritable", "echo line"))
			s.await(container)
			err := container.Logs(s.ctx, brokenWriter{}, brokenWriter{}, false)
			assert.ErrorIs(s, err, errBroken)
		},
	},
}

// padding makes lines long: many bytes, and few lines. containerd gives up on output that it has not copied two seconds after the
// end of a container (pkg/process/init.go, delete), and on a busy machine 20,000 lines in one burst take it longer than that.
const padding = " is a line that is long enough to fill the buffers of pipes between the task and its log"

var errBroken = errors.New("broken on purpose")

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errBroken }

// countTo is what seq 1 n writes.
func countTo(n int) string {
	var text strings.Builder
	for i := range n {
		text.WriteString(strconv.Itoa(i+1) + "\n")
	}
	return text.String()
}

// assertText compares long texts without printing them in full.
func assertText(s *subject, want, got string) {
	s.Helper()
	if want == got {
		return
	}
	at := 0
	for at < min(len(want), len(got)) && want[at] == got[at] {
		at++
	}
	from := max(0, at-20)
	assert.Fail(s, "the texts differ", "want %d bytes, got %d; the first difference is at byte %d: want %q, got %q",
		len(want), len(got), at, want[from:min(at+20, len(want))], got[from:min(at+20, len(got))])
}

func logsOfARunningTask(s *subject) {
	task, release := s.held("talking")
	container := s.run(task)
	early, _ := s.logs(container, false)
	assert.Contains(s, []string{"", "first\n"}, early)

	output, ended := s.follow(s.ctx, container)
	output.await(s, "first\n")

	now, _ := s.logs(container, false)
	assert.Equal(s, "first\n", now)
	release()
	require.NoError(s, ended())
	assert.Equal(s, "first\nlast\n", output.String())
}
