package orchestratest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

// sandboxRules are those of orchestra.SandboxDriver.
var sandboxRules = []rule{
	{
		"exec reports exit codes",
		"the exit code of a command is its result, not an error.",
		func(s *subject) {
			sandbox := s.sandbox(shell("codes", ""))
			for _, code := range []int{0, 1, 7, 255} {
				result := s.exec(sandbox, call{cmd: []string{"sh", "-c", fmt.Sprintf("exit %d", code)}})
				assert.True(s, result.status.IsDone())
				assert.Equal(s, code, result.status.ExitCode())
			}
		},
	},
	{
		"exec keeps the streams apart",
		"unlike a log, a command's stdout and stderr arrive at a writer each, whole.",
		func(s *subject) {
			result := s.exec(s.sandbox(shell("streams", "")), call{cmd: []string{"sh", "-c", "seq 1 5000; echo problem >&2"}})
			assertText(s, countTo(5000), result.stdout)
			assert.Equal(s, "problem\n", result.stderr)
		},
	},
	{
		"exec takes everything literally",
		"arguments, env values and the working directory pass unharmed; env is added to the task's own.",
		execIsLiteral,
	},
	{
		"exec passes stdin",
		"binary input arrives whole and ends; without one the command sees its end at once.",
		func(s *subject) {
			sandbox := s.sandbox(shell("input", ""))
			data := randomText(1 << 20)
			result := s.exec(sandbox, call{cmd: []string{"sha256sum"}, stdin: strings.NewReader(data)})
			assert.True(s, strings.HasPrefix(result.stdout, fmt.Sprintf("%x", sha256.Sum256([]byte(data)))), result.stdout)
			assert.Equal(s, "0", strings.TrimSpace(s.exec(sandbox, call{cmd: []string{"sh", "-c", "cat | wc -c"}}).stdout))
		},
	},
	{
		"files stay between commands",
		"a sandbox is one container: what one command has written, the next one reads.",
		filesStay,
	},
	{
		"commands run side by side",
		"a server that one command runs is there for the next; what they are given and what they answer does not mix.",
		sideBySide,
	},
	{
		"starting again returns the same sandbox",
		"as with tasks, asking again is safe.",
		func(s *subject) {
			first, again := s.sandbox(shell("same", "")), s.sandbox(shell("same", ""))
			assert.NotEmpty(s, first.ID())
			assert.Equal(s, first.ID(), again.ID())
		},
	},
	{
		"exec ends with its context",
		"a caller who has gone is not kept waiting, and is never told exit code 0.",
		func(s *subject) {
			sandbox := s.sandbox(shell("cancelled", ""))
			ctx, cancel := context.WithCancel(s.ctx)
			output := newTap()
			result := make(chan error, 1)
			go func() {
				_, err := sandbox.Exec(ctx, sleeper("").Command, nil, "", nil, output, output)
				result <- err
			}()
			output.await(s, "started\n")
			cancel()
			select {
			case err := <-result:
				require.ErrorIs(s, err, context.Canceled)
			case <-s.ctx.Done():
				require.FailNow(s, "Exec did not return in time")
			}
		},
	},
	{
		"a removed sandbox runs nothing",
		"after Cleanup, which may be repeated, and after the driver's Close, Exec is an error.",
		removedSandbox,
	},
	{
		"bad sandboxes are refused",
		"a sandbox's task is validated as any other.",
		func(s *subject) {
			_, err := s.sandboxDriver().StartSandbox(s.ctx, orchestra.Task{ID: "bad", Image: "Not An Image"})
			var invalid *orchestra.InvalidError
			assert.ErrorAs(s, err, &invalid)
		},
	},
}

func (s *subject) sandboxDriver() orchestra.SandboxDriver {
	s.Helper()
	driver, ok := s.driver.(orchestra.SandboxDriver)
	require.True(s, ok, "driver %q implements orchestra.SandboxDriver for some namespaces only", s.driver.Name())
	return driver
}

func (s *subject) sandbox(task orchestra.Task) orchestra.Sandbox {
	s.Helper()
	sandbox, err := s.sandboxDriver().StartSandbox(s.ctx, task)
	require.NoError(s, err, "starting sandbox %q", task.ID)
	return sandbox
}

// call is what Exec is given.
type call struct {
	cmd     []string
	env     map[string]string
	workDir string
	stdin   io.Reader
}

type execResult struct {
	status         orchestra.ContainerStatus
	stdout, stderr string
}

func (s *subject) exec(sandbox orchestra.Sandbox, c call) execResult {
	s.Helper()
	var stdout, stderr bytes.Buffer
	status, err := sandbox.Exec(s.ctx, c.cmd, c.env, c.workDir, c.stdin, &stdout, &stderr)
	require.NoError(s, err, "running %q", c.cmd)
	return execResult{status, stdout.String(), stderr.String()}
}

func execIsLiteral(s *subject) {
	task := shell("literal", "")
	task.Env = map[string]string{"OWN": "task's"}
	task.Mounts = orchestra.Mounts{{Name: "volume", Path: "data"}}
	sandbox := s.sandbox(task)
	odd := `$(X) $$ "quoted" it's` + "\n" + `\ ` + "`x` ${X}"
	result := s.exec(sandbox, call{
		cmd: []string{"sh", "-c", `printf '%s|%s|%s' "$OWN" "$ODD" "$1"`, "sh", odd},
		env: map[string]string{"ODD": odd},
	})
	assert.Equal(s, "task's|"+odd+"|"+odd, result.stdout)
	result = s.exec(sandbox, call{cmd: []string{"sh", "-c", `printf '%s|%s' "$OWN" "$ODD"`}})
	assert.Equal(s, "task's|", result.stdout, "the env of one call is not that of the next")

	directory := `it's $(X) "a" place`
	require.Zero(s, s.exec(sandbox, call{cmd: []string{"mkdir", "data/" + directory}}).status.ExitCode())
	pwd := s.exec(sandbox, call{cmd: []string{"sh", "-c", "pwd"}, workDir: "data/" + directory}).stdout
	assert.True(s, strings.HasSuffix(pwd, "/"+directory+"\n"), pwd)
}

func filesStay(s *subject) {
	sandbox := s.sandbox(shell("files", ""))
	for i := range 3 {
		result := s.exec(sandbox, call{cmd: []string{"sh", "-c", fmt.Sprintf("echo %d >file-%d", i, i)}})
		assert.Zero(s, result.status.ExitCode())
	}
	assert.Equal(s, "0\n1\n2\n", s.exec(sandbox, call{cmd: []string{"sh", "-c", "cat file-?"}}).stdout)
}

// sideBySide has each command say hello, and then wait for the others to have said it.
func sideBySide(s *subject) {
	const commands = 4
	sandbox := s.sandbox(shell("together", ""))
	script := fmt.Sprintf(`>hello-$NUMBER; until [ -e hello-0 ] && [ -e hello-%d ]; do sleep 0.1; done; cat; echo "$NUMBER" >&2; exit "$NUMBER"`, commands-1)
	var callers sync.WaitGroup
	for i := range commands {
		callers.Go(func() {
			number := fmt.Sprint(i)
			var stdout, stderr bytes.Buffer
			status, err := sandbox.Exec(s.ctx, []string{"sh", "-c", script}, map[string]string{"NUMBER": number}, "", strings.NewReader(number), &stdout, &stderr)
			if assert.NoError(s, err) {
				assert.Equal(s, []any{i, number, number + "\n"}, []any{status.ExitCode(), stdout.String(), stderr.String()})
			}
		})
	}
	callers.Wait()
}

func removedSandbox(s *subject) {
	removed, closed := s.sandbox(shell("removed", "")), s.sandbox(shell("closed", ""))
	require.NoError(s, removed.Cleanup(s.ctx))
	require.NoError(s, removed.Cleanup(s.ctx), "the second time")
	_, err := removed.Exec(s.ctx, []string{"true"}, nil, "", nil, nil, nil)
	require.Error(s, err)
	require.NoError(s, s.driver.Close())
	_, err = closed.Exec(s.ctx, []string{"true"}, nil, "", nil, nil, nil)
	assert.Error(s, err)
}
