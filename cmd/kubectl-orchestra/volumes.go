package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/orchestra-ci/orchestra-k8s/driver"
	"github.com/orchestra-ci/orchestra-k8s/internal/terminal"
)

func newVolumes(c *cli) *cobra.Command {
	var out output
	command := &cobra.Command{
		Use:   "volumes",
		Short: "List the volumes of the scope",
		Long:  "List the volumes of the scope. A volume is made by the first task that mounts it, and stays until volumes rm or close removes it.",
		Example: `  kubectl orchestra volumes
  kubectl orchestra volumes -o wide`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return c.with(command.Context(), func(d *driver.Driver) error {
				volumes, err := d.Volumes(command.Context())
				if err != nil {
					return err
				}
				return c.printVolumes(&out, volumes)
			})
		},
	}
	out.add(command, asWide, asName, asJSON, asYAML)
	command.AddCommand(newVolumesRm(c))
	return command
}

func newVolumesRm(c *cli) *cobra.Command {
	return &cobra.Command{
		Use:               "rm NAME...",
		Short:             "Remove volumes and what is in them",
		Long:              "Remove volumes and what is in them. A volume stays while a task that mounts it exists, also one that is done: remove tasks first.",
		Example:           "  kubectl orchestra volumes rm cache",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: c.completeVolumes,
		RunE: func(command *cobra.Command, args []string) error {
			return c.with(command.Context(), func(d *driver.Driver) error {
				if err := removeVolumes(command.Context(), d, args); err != nil {
					return err
				}
				return c.print(terminal.Clean(strings.Join(args, "\n")) + "\n")
			})
		},
	}
}

// removeVolumes removes volumes by their names. One that does not exist is an error; the others are removed all the same.
func removeVolumes(ctx context.Context, d *driver.Driver, names []string) error {
	volumes, err := d.Volumes(ctx)
	if err != nil {
		return err
	}
	known := map[string]driver.VolumeInfo{}
	for _, volume := range volumes {
		known[volume.Name] = volume
	}
	var problems []error
	for _, name := range names {
		volume, ok := known[name]
		if !ok {
			problems = append(problems, hinted{fmt.Errorf("removing volume %q: there is no such volume", name), "`kubectl orchestra volumes` lists those of this scope."})
			continue
		}
		problems = append(problems, d.Volume(volume).Cleanup(ctx))
	}
	return errors.Join(problems...)
}

func (c *cli) printVolumes(out *output, volumes []driver.VolumeInfo) error {
	if handled, err := out.encode(c, volumes); handled {
		return err
	}
	if len(volumes) == 0 && out.format != asName {
		c.say("no volumes in scope %q", c.cfg.Namespace)
		return nil
	}
	rows := [][]string{{"NAME", "PHASE", "SIZE", "AGE"}}
	if out.format == asWide {
		rows[0] = append(rows[0], "CLAIM", "REQUESTED", "CLASS", "ACCESS")
	}
	var names strings.Builder
	for _, volume := range volumes {
		names.WriteString(terminal.Line(volume.Name) + "\n")
		row := []string{volume.Name, volume.Phase, volume.Capacity, duration.HumanDuration(time.Since(volume.Created))}
		if out.format == asWide {
			row = append(row, volume.Claim, volume.Requested, volume.StorageClass, strings.Join(volume.AccessModes, ","))
		}
		rows = append(rows, row)
	}
	if out.format == asName {
		return c.print(names.String())
	}
	return c.print(table(rows))
}
