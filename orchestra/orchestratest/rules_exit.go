package orchestratest

import (
	"fmt"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

var exitRules = []rule{
	{
		"exit codes arrive",
		"the exit code of the task's process is that of the container, whatever it is; 0 and only 0 is a success.",
		exitCodesArrive,
	},
	{
		"a killed child is 137",
		"a shell reports a child that signal 9 has killed as 128+9, and the driver passes that on.",
		func(s *subject) {
			status := s.await(s.run(shell("killed", `sh -c 'kill -9 $$'; exit $?`)))
			assert.Equal(s, 137, status.ExitCode(), explain(status))
		},
	},
	{
		"a task that cannot start fails",
		"a program that does not exist is a result of the task, not an error of RunContainer, never a success, and never waited for without end.",
		func(s *subject) {
			task := shell("missing", "")
			task.Command = []string{"/no/such/program"}
			assert.NotZero(s, s.await(s.run(task)).ExitCode())
		},
	},
	{
		"failures are explained",
		"if a status has an orchestra.Explainer, a failed task has a reason of one word, so that programs can branch on it.",
		func(s *subject) {
			status := s.await(s.run(shell("failing", "exit 7")))
			require.Equal(s, 7, status.ExitCode())
			if explainer, ok := status.(orchestra.Explainer); ok {
				assert.Regexp(s, `^[A-Za-z0-9]+$`, explainer.Reason())
			} else {
				s.Log("the status is no orchestra.Explainer")
			}
		},
	},
}

func exitCodesArrive(s *subject) {
	containers := map[int]orchestra.Container{}
	for _, code := range []int{0, 1, 2, 7, 125, 126, 127, 128, 255} {
		containers[code] = s.run(shell(fmt.Sprintf("exit-%d", code), fmt.Sprintf("exit %d", code)))
	}
	for code, container := range containers {
		status := s.await(container)
		assert.Equal(s, code, status.ExitCode(), explain(status))
	}
}
