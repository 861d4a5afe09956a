package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/orchestra-ci/orchestra-k8s/driver"
)

// phase is a part of a task's life.
type phase struct {
	Name    string        `json:"name"`
	Seconds float64       `json:"seconds"` // so far, if it is the last one
	Length  time.Duration `json:"-"`
}

// phasesOf cuts the task's life at the times that the pod and its events hold. A time that is not known joins two phases. The last phase
// of a task that has not ended goes on until now.
func phasesOf(info driver.TaskInfo, events []driver.TaskEvent, now time.Time) []phase {
	var pulling, pulled time.Time
	for _, event := range events {
		switch {
		case event.Reason == "Pulling" && pulling.IsZero():
			pulling = event.First
		case event.Reason == "Pulled" && !pulling.IsZero():
			pulled = event.Last
		}
	}
	var phases []phase
	at := info.Created
	for _, step := range []struct {
		name  string
		until time.Time
	}{
		{"scheduling", info.Scheduled}, {"preparing", pulling}, {"pulling", pulled}, {"starting", info.Started}, {"running", info.Finished},
	} {
		if step.until.IsZero() || at.IsZero() {
			continue
		}
		phases = append(phases, newPhase(step.name, step.until.Sub(at)))
		at = step.until
	}
	if !info.Done {
		phases = append(phases, newPhase(underWay(info, pulling, pulled), now.Sub(at)))
	}
	return phases
}

func newPhase(name string, length time.Duration) phase {
	length = max(length, 0) // clocks differ
	return phase{Name: name, Seconds: length.Seconds(), Length: length}
}

// underWay names the phase that a task is in.
func underWay(info driver.TaskInfo, pulling, pulled time.Time) string {
	switch {
	case !info.Started.IsZero():
		return "running"
	case info.Scheduled.IsZero():
		return "scheduling"
	case !pulling.IsZero() && pulled.IsZero():
		return "pulling"
	}
	return "starting"
}

// barWidth is the length of the longest bar.
const barWidth = 30

// bars draws each phase in proportion to the longest.
func (c *cli) bars(phases []phase) string {
	var longest time.Duration
	for _, p := range phases {
		longest = max(longest, p.Length)
	}
	var text strings.Builder
	for _, p := range phases {
		bar := ""
		if longest > 0 {
			bar = strings.Repeat("█", int(barWidth*p.Length/longest))
		}
		length := p.Length.Round(time.Second).String()
		if p.Length < time.Second {
			length = "<1s"
		}
		text.WriteString(strings.TrimSpace(fmt.Sprintf("%-10s %6s  %s", p.Name, length, c.colour.Good(bar))) + "\n")
	}
	return text.String()
}
