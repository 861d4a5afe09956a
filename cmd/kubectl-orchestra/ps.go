package main

import (
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/orchestra-ci/orchestra-k8s/driver"
	"github.com/orchestra-ci/orchestra-k8s/internal/terminal"
)

func newPs(c *cli) *cobra.Command {
	var out output
	var watch bool
	command := &cobra.Command{
		Use:   "ps",
		Short: "List the tasks of the scope",
		Long:  "List the tasks and sandboxes of the scope, running and done, whoever started them. -o name prints IDs, one a line.",
		Example: `  kubectl orchestra ps
  kubectl orchestra ps -o json
  kubectl orchestra ps -w`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return c.with(command.Context(), func(d *driver.Driver) error {
				if watch {
					return c.watchTasks(command.Context(), d, &out)
				}
				tasks, err := d.Tasks(command.Context())
				if err != nil {
					return err
				}
				return c.printTasks(&out, tasks)
			})
		},
	}
	out.add(command, asWide, asName, asJSON, asYAML)
	command.Flags().BoolVarP(&watch, "watch", "w", false, "go on showing changes: on a terminal in place, else one JSON object a line with -o json, or one row")
	return command
}

func (c *cli) printTasks(out *output, tasks []driver.TaskInfo) error {
	if handled, err := out.encode(c, tasks); handled {
		return err
	}
	if out.format == asName {
		var names strings.Builder
		for _, task := range tasks {
			names.WriteString(terminal.Line(task.ID) + "\n")
		}
		return c.print(names.String())
	}
	if len(tasks) == 0 {
		c.say("no tasks in scope %q", c.cfg.Namespace)
		return nil
	}
	return c.print(c.taskTable(out, tasks, time.Now()))
}

// taskTable is a header and a row for each task.
func (c *cli) taskTable(out *output, tasks []driver.TaskInfo, now time.Time) string {
	rows := [][]string{{"ID", "STATE", "EXIT", "AGE"}}
	wide := out.format == asWide
	if wide {
		rows[0] = append(rows[0], "KIND", "ROLE", "CONTAINER", "NODE", "IMAGE")
	}
	for _, task := range tasks {
		exit := ""
		if task.Done {
			exit = strconv.Itoa(task.ExitCode)
		}
		row := []string{task.ID, task.Reason, exit, duration.HumanDuration(now.Sub(task.Created))}
		if wide {
			row = append(row, task.Kind, string(task.Role), task.Container, task.Node, task.Image)
		}
		rows = append(rows, row)
	}
	return table(rows)
}

// table aligns columns. Every cell is made harmless.
func table(rows [][]string) string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 3, ' ', 0)
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			if cells[i] = terminal.Line(cell); cell == "" {
				cells[i] = "-"
			}
		}
		_, _ = fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	_ = w.Flush() // into memory
	return text.String()
}
