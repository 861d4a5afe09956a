package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/orchestra-ci/orchestra-k8s/driver"
	"github.com/orchestra-ci/orchestra-k8s/internal/terminal"
)

func newStatus(c *cli) *cobra.Command {
	var out output
	command := &cobra.Command{
		Use:   "status ID",
		Short: "Say how a task is: outcome, reason, what to change, events, and how long each phase took",
		Long: `Say how a task is: its outcome with the cluster's own words and what to change, the events of its pod, and how long each phase took.
Times are the cluster's, to the second; clusters forget events after an hour.`,
		Example: `  kubectl orchestra status build-7
  kubectl orchestra status build-7 -o yaml`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: c.completeTask,
		RunE: func(command *cobra.Command, args []string) error {
			return c.with(command.Context(), func(d *driver.Driver) error {
				report, err := c.inspect(command.Context(), d, args[0])
				if err != nil {
					return err
				}
				if handled, err := out.encode(c, report); handled {
					return err
				}
				return c.print(c.describe(report, time.Now()))
			})
		},
	}
	out.add(command, asJSON, asYAML)
	return command
}

// statusReport is all that status knows.
type statusReport struct {
	driver.TaskInfo
	Phases []phase            `json:"phases"`
	Events []driver.TaskEvent `json:"events"`
}

// inspect reads a task and its events. Who may not read events still learns the rest.
func (c *cli) inspect(ctx context.Context, d *driver.Driver, id string) (statusReport, error) {
	info, err := d.InspectTask(ctx, id)
	if err != nil {
		return statusReport{}, err
	}
	events, err := d.TaskEvents(ctx, info)
	if err != nil {
		c.say("warning: %v", err)
	}
	return statusReport{info, phasesOf(info, events, time.Now()), events}, nil
}

func (c *cli) describe(r statusReport, now time.Time) string {
	var text strings.Builder
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&text, "%-10s %s\n", name, value)
		}
	}
	line("task", c.colour.Bold(terminal.Line(r.ID)))
	line("outcome", c.outcome(r.TaskInfo))
	line("message", terminal.Line(r.Message))
	line("hint", terminal.Line(r.Hint))
	line("object", terminal.Line(fmt.Sprintf("%s/%s/%s", r.Kind, r.Namespace, r.Container)))
	line("node", terminal.Line(r.Node))
	line("image", terminal.Line(r.Image))
	line("created", fmt.Sprintf("%s (%s ago)", r.Created.UTC().Format(time.RFC3339), duration.HumanDuration(now.Sub(r.Created))))
	text.WriteString("\n" + c.bars(r.Phases))
	if len(r.Events) > 0 {
		text.WriteString("\n" + c.eventTable(r.Events, now))
	}
	return text.String()
}

func (c *cli) outcome(info driver.TaskInfo) string {
	reason := terminal.Line(info.Reason)
	switch {
	case !info.Done:
		return c.colour.Doubt(reason)
	case info.ExitCode == 0:
		return c.colour.Good(reason)
	}
	return c.colour.Bad(reason) + fmt.Sprintf(" (exit code %d)", info.ExitCode)
}

func (c *cli) eventTable(events []driver.TaskEvent, now time.Time) string {
	rows := [][]string{{"LAST", "TYPE", "EVENT", "MESSAGE"}}
	for _, event := range events {
		message := event.Message
		if event.Count > 1 {
			message = fmt.Sprintf("%s (%d times)", message, event.Count)
		}
		rows = append(rows, []string{duration.HumanDuration(now.Sub(event.Last)), event.Type, event.Reason, message})
	}
	return table(rows)
}
