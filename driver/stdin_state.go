package driver

import (
	"strings"

	"github.com/orchestra-ci/orchestra-k8s/render"
)

// AnnotationStdin on a task's pod says how far the task's stdin has come. A pod without it has no stdin.
//
// The annotation is the proof of delivery: it is written before the task can see the end of its input, so a driver that
// dies half-way leaves a state that no later process can read as success.
const AnnotationStdin = render.AnnotationStdin

// Values of AnnotationStdin.
//
//	pending    -> nobody has attached. The task has read nothing and seen no end of input, so its exit code counts.
//	sending    -> a driver is sending it, or died while it did: "sending: who". Exit code 0 is no success yet.
//	delivered  -> the whole input, and its end, went to the container; the server confirmed it. The exit code counts.
//	unread     -> the task ended by itself before it had read everything. The exit code counts.
//	incomplete -> the input was cut: "incomplete: why". The task is no success, whatever its exit code.
const (
	stdinPending    = render.StdinPending
	stdinSending    = "sending"
	stdinDelivered  = "delivered"
	stdinUnread     = "unread"
	stdinIncomplete = "incomplete"
)

// stdinVerdict reads the value of AnnotationStdin for a task that has ended.
//
// undecided: a driver is still sending, or died while it did: exit code 0 counts neither way yet. The driver that sends
// replaces the value within seconds of the task's end, so after a grace an undecided task is one with incomplete stdin.
// problem is not empty when the input was cut, and says why.
func stdinVerdict(value string) (undecided bool, problem string) {
	if strings.HasPrefix(value, stdinSending) {
		return true, ""
	}
	if why, cut := strings.CutPrefix(value, stdinIncomplete); cut {
		if why = strings.TrimPrefix(why, ": "); why == "" {
			why = "the reason was not recorded"
		}
		return false, why
	}
	return false, ""
}

// parseStdinSender returns the instance of the driver that sends a task's stdin; ok is false if nobody does.
func parseStdinSender(value string) (instance string, ok bool) {
	who, ok := strings.CutPrefix(value, stdinSending+": ")
	instance, _, _ = strings.Cut(who, "/")
	return instance, ok
}
