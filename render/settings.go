package render

import (
	"errors"
	"fmt"
	"time"
)

// Settings are the values (values.yaml, Config.Values) that the driver reads, not the templates. A zero duration means no
// deadline.
type Settings struct {
	GracePeriod        time.Duration // value terminationGracePeriodSeconds: how long a deleted pod may take to end
	SchedulingDeadline time.Duration // value deadlines.scheduling
	StartDeadline      time.Duration // value deadlines.start: image pull, configuration, init containers
	ProblemDeadline    time.Duration // value deadlines.problem: with a problem that waiting seldom heals
	NodeLostDeadline   time.Duration // value deadlines.nodeLost: until a deletion that its node does not confirm
	RunDeadline        time.Duration // value activeDeadlineSeconds
	HelperImage        string        // value helper.image
}

// newSettings reads values. The schema has checked them, but a layer may have loosened it, so types are still looked at.
func newSettings(values map[string]any) (Settings, error) {
	var s Settings
	helper, _ := values["helper"].(map[string]any)
	s.HelperImage, _ = helper["image"].(string)
	deadlines, _ := values["deadlines"].(map[string]any)
	return s, errors.Join(
		readSeconds(values, "activeDeadlineSeconds", &s.RunDeadline),
		readSeconds(values, "terminationGracePeriodSeconds", &s.GracePeriod),
		readDeadline(deadlines, "nodeLost", &s.NodeLostDeadline),
		readDeadline(deadlines, "problem", &s.ProblemDeadline),
		readDeadline(deadlines, "scheduling", &s.SchedulingDeadline),
		readDeadline(deadlines, "start", &s.StartDeadline),
	)
}

func readSeconds(values map[string]any, name string, to *time.Duration) error {
	seconds, ok := values[name].(int64)
	if !ok && values[name] != nil {
		return under(name, fmt.Errorf("%v is not a number of seconds", values[name]))
	}
	*to = time.Duration(seconds) * time.Second
	return nil
}

func readDeadline(deadlines map[string]any, name string, to *time.Duration) error {
	text, ok := deadlines[name].(string)
	if !ok {
		return nil
	}
	duration, err := time.ParseDuration(text)
	if err != nil {
		return under("deadlines", under(name, err))
	}
	*to = duration
	return nil
}
