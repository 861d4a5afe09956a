package driver

import (
	"fmt"
	"time"

	"github.com/orchestra-ci/orchestra-k8s/render"
)

// deadlines bound how long a task may wait. Zero means no bound. The deadline of the run itself, activeDeadlineSeconds, is the kubelet's.
type deadlines struct {
	scheduling time.Duration // without a node
	start      time.Duration // on a node without progress: pull, configuration, volumes, init containers
	grace      time.Duration // with a problem that waiting seldom heals; at most start
	lost       time.Duration // being deleted beyond the grace period: the node does not answer
	unsettled  time.Duration // ended, while nobody says whether stdin arrived
}

const (
	stdinSettledAfter = time.Minute      // a driver that sends says within seconds how it went
	firstExplanation  = 10 * time.Second // of silence, before the cluster's events are asked for a reason
)

// deadlinesOf are the deadlines of a template set.
func deadlinesOf(settings render.Settings) deadlines {
	limits := deadlines{
		scheduling: settings.SchedulingDeadline, start: settings.StartDeadline, grace: settings.ProblemDeadline, unsettled: stdinSettledAfter,
	}
	if settings.NodeLostDeadline > 0 {
		limits.lost = settings.GracePeriod + settings.NodeLostDeadline
	}
	if limits.grace == 0 || limits.start > 0 && limits.start < limits.grace {
		limits.grace = limits.start
	}
	return limits
}

// verdict decides whether a task has waited long enough, and what its end is. It is pure.
func (d deadlines) verdict(r record, now time.Time) (end status, failed bool) {
	waited := now.Sub(r.since)
	over := func(limit, waited time.Duration) bool { return limit > 0 && waited >= limit }
	switch r.stage {
	case stageUnscheduled, stageStarting:
		return d.waiting(r, now)
	case stageStopping:
		if over(d.lost, waited) {
			words := fmt.Sprintf("The deletion has not been confirmed by node %q for %s", r.node, waited.Round(time.Second))
			return ended(ReasonNodeLost, exitNone, words), true
		}
	case stageUnsettled:
		if over(d.unsettled, waited) {
			return ended(ReasonStdinIncomplete, exitNone, "The task ended with exit code 0, and whoever was sending its stdin has not said that it arrived"), true
		}
	}
	return status{}, false
}

func (d deadlines) waiting(r record, now time.Time) (status, bool) {
	if r.status.done { // by statusOf, whatever time it is; the pod itself goes on trying
		return r.status, true
	}
	limit, since, name := d.start, r.since, "start"
	switch {
	case r.stage == stageUnscheduled:
		limit, name = d.scheduling, "scheduling"
	case isQuick(r.status.reason) && !r.troubled.IsZero():
		limit, since, name = d.grace, r.troubled, "problem"
	}
	if limit <= 0 || now.Sub(since) < limit {
		return status{}, false
	}
	end := r.status
	switch end.reason {
	case ReasonScheduling:
		end.reason = ReasonUnschedulable
	case ReasonStarting:
		end.reason = ReasonStartFailed
	}
	return end.inVain(fmt.Sprintf("The %s deadline of %s has passed", name, limit)), true
}

// needsExplanation reports whether a waiting record has been silent for so long that the cluster's events should be asked: a volume
// that cannot be mounted, a network that cannot be set up and a Job that may not make pods show nowhere else. The pauses grow.
func needsExplanation(r record, now time.Time) bool {
	waits := r.stage == stageUnscheduled || r.stage == stageStarting
	if !waits || r.status.done || (r.status.message != "" && !r.noted) {
		return false
	}
	if r.asked.IsZero() {
		return now.Sub(r.since) >= firstExplanation
	}
	return now.Sub(r.asked) >= max(firstExplanation, r.asked.Sub(r.since))
}
