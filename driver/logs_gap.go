package driver

import (
	"fmt"
	"strings"
	"time"
)

// LogGap is a place in a log where lines may be missing. The times are those of the node's clock.
type LogGap struct {
	After  time.Time // of the last line before the gap; zero if it is not known
	Before time.Time // of the first line after the gap; zero if none followed
}

// gone reports that nothing is left of a log that was not empty before.
func (g LogGap) gone() bool { return g.After.IsZero() && g.Before.IsZero() }

func (g LogGap) String() string {
	switch {
	case g.gone():
		return "everywhere, as nothing is left of what was read before"
	case g.Before.IsZero():
		return "after " + g.After.Format(time.RFC3339Nano)
	case g.After.IsZero():
		return "before " + g.Before.Format(time.RFC3339Nano)
	}
	return "between " + g.After.Format(time.RFC3339Nano) + " and " + g.Before.Format(time.RFC3339Nano)
}

// LogGapError says that everything the node still had was delivered, once and in order, but that it cannot be shown that
// nothing is missing in between: the kubelet serves only the newest of a container's log files
// (containerLogMaxSize, 10Mi by default), so what is rotated away while nobody reads is out of reach.
//
// It is an alarm, not a proof of loss: a rotation that fell exactly between two lines looks the same.
type LogGapError struct {
	Object string   // whose log: "Pod/namespace/name"
	Gaps   []LogGap // at least one, in order
	Cause  error    // why the end of the log could not be read; nil when it was rotation
}

// Error names the object and every gap.
func (e *LogGapError) Error() string {
	text := fmt.Sprintf("reading the log of %s: lines may be missing %s", e.Object, e.places())
	if e.Cause != nil {
		return text + ": " + e.Cause.Error()
	}
	return text + ": the node had rotated its log file; read the log from the start of the task, or raise the kubelet's containerLogMaxSize"
}

func (e *LogGapError) places() string {
	places := make([]string, len(e.Gaps))
	for i, gap := range e.Gaps {
		places[i] = gap.String()
	}
	return strings.Join(places, ", ")
}

// Unwrap returns the cause.
func (e *LogGapError) Unwrap() error { return e.Cause }
