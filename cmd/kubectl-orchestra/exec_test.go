package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSandboxFromATerminal(t *testing.T) {
	t.Parallel()
	s := newScope(t)
	got := s.program("exec", "box", "--", "true")
	assert.Equal(t, exitAround, got.code)
	assert.Contains(t, got.err, "finding sandbox \"box\": container not found\n--image IMAGE starts one.")
	got = s.program("exec", "box")
	assert.Equal(t, exitAround, got.code)
	assert.Contains(t, got.err, "want an ID and a command after --")

	got = program(t, "in\n", s.with("exec", "box", "--image", "busybox", "-i", "-e", "A=b c", "-w", "/bin", "--", "sh", "-c", `cat; echo "$A"; pwd; echo oops >&2; exit 9`)...)
	assert.Equal(t, 9, got.code, got.err)
	assert.Equal(t, "in\nb c\n/bin\n", got.out)
	assert.Contains(t, got.err, "oops\n")
	require.Zero(t, s.program("exec", "box", "--", "touch", "/kept").code)
	for _, command := range []string{"exec", "shell", "status"} {
		assert.Contains(t, s.program("__complete", command, "").out, "box\tRunning\n", command)
		assert.NotContains(t, s.program("__complete", command, "box", "").out, "box", command)
	}

	got = program(t, "ls /kept\nexit 4\n", s.with("shell", "box")...)
	assert.Equal(t, 4, got.code, got.err)
	assert.Equal(t, "/kept\n", got.out)
	assert.Contains(t, got.err, "`kubectl orchestra rm box` removes it")
	assert.Regexp(t, `(?m)^box +Running +- `, s.program("ps").out)
	assert.Contains(t, s.program("status", "box").out, "task       box\n")
	assert.Equal(t, "box\n", s.program("rm", "box").out)

	got = program(t, "echo here\n", s.with("shell", "--image", "busybox", "--rm")...)
	assert.Zero(t, got.code, got.err)
	assert.Equal(t, "here\n", got.out)
	assert.Contains(t, s.program("ps").err, "no tasks in scope")
}
