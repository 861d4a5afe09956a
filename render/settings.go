package render

import (
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

// newSettings reads values that the schema has checked already; a layer may have loosened the schema, so types are still looked at.
func newSettings(values map[string]any) (Settings, error) {
	var s Settings
	for name, to := range map[string]*time.Duration{"terminationGracePeriodSeconds": &s.GracePeriod, "activeDeadlineSeconds": &s.RunDeadline} {
		seconds, ok := values[name].(int64)
		if !ok && values[name] != nil {
			return s, fmt.Errorf("value %s: %v is not a number of seconds", name, values[name])
		}
		*to = time.Duration(seconds) * time.Second
	}
	helper, _ := values["helper"].(map[string]any)
	s.HelperImage, _ = helper["image"].(string)
	deadlines, _ := values["deadlines"].(map[string]any)
	for name, to := range map[string]*time.Duration{
		"scheduling": &s.SchedulingDeadline, "start": &s.StartDeadline, "problem": &s.ProblemDeadline, "nodeLost": &s.NodeLostDeadline,
	} {
		text, ok := deadlines[name].(string)
		if !ok {
			continue
		}
		duration, err := time.ParseDuration(text)
		if err != nil {
			return s, fmt.Errorf("value deadlines.%s: %w", name, err)
		}
		*to = duration
	}
	return s, nil
}
