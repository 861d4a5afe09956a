package driver

import "github.com/orchestra-ci/orchestra-k8s/orchestra"

// status is what is known of a task at one moment. It is a value: a later status is another one.
type status struct {
	done     bool
	exitCode int // exitUnderWay unless done; 0 only for ReasonCompleted
	reason   string
	message  string
}

var (
	_ orchestra.ContainerStatus = status{}
	_ orchestra.Explainer       = status{}
)

// IsDone reports whether the task has ended, or will never start. It does not become false again.
func (s status) IsDone() bool { return s.done }

// ExitCode is the task's own, 0 only for a success; 125 if there is none although the task is done; -1 while it is not.
func (s status) ExitCode() int { return s.exitCode }

// Reason is one of the Reason constants of this package.
func (s status) Reason() string { return s.reason }

// Message is what the cluster said, and one sentence on what to change. It may be empty while nothing is wrong.
func (s status) Message() string { return s.message }

// underWay is the status of a task that has not ended. words are the cluster's.
func underWay(reason, words string) status {
	return status{exitCode: exitUnderWay, reason: reason, message: explain(reason, words)}
}

// ended is the status of a task that is done. words are the cluster's.
func ended(reason string, exitCode int, words string) status {
	return status{done: true, exitCode: exitCode, reason: reason, message: explain(reason, words)}
}

// broken is an ended status without a success: an exit code of 0 proves nothing here and is replaced.
func broken(reason string, exitCode int, words string) status {
	if exitCode == 0 {
		exitCode = exitNone
	}
	return ended(reason, exitCode, words)
}

// inVain is the end of a status under way: the same reason and words, waited for no longer.
func (s status) inVain(why string) status {
	return status{done: true, exitCode: exitNone, reason: s.reason, message: sentences(why, s.message)}
}
