package main

import (
	"github.com/spf13/cobra"

	"github.com/orchestra-ci/orchestra-k8s/render"
)

func newTemplateList(c *cli) *cobra.Command {
	var out output
	command := &cobra.Command{
		Use:   "list [DIR...]",
		Short: "Say for every file and every define of the templates which layer it comes from",
		Long:  "Say for every file and every define of the templates which layer it comes from. DIRs are layers on top of those of --templates.",
		Example: `  kubectl orchestra template list
  kubectl orchestra template list builtin:restricted builtin:job -o yaml`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: completeDirectories,
		RunE: func(_ *cobra.Command, args []string) error {
			cfg, err := c.configWith(args...)
			if err != nil {
				return err
			}
			set, err := loadTemplates(cfg)
			if err != nil {
				return err
			}
			return c.printSources(&out, set.List())
		},
	}
	out.add(command, asName, asJSON, asYAML)
	return command
}

// source is a render.Source in the words of -o json.
type source struct {
	Name  string `json:"name"`
	Kind  string `json:"kind"`
	Layer string `json:"layer"`
	File  string `json:"file,omitempty"`
}

func (c *cli) printSources(out *output, sources []render.Source) error {
	rows := [][]string{{"NAME", "KIND", "LAYER", "FILE"}}
	list := []source{}
	names := ""
	for _, s := range sources {
		list = append(list, source(s))
		rows = append(rows, []string{s.Name, s.Kind, s.Layer, s.File})
		names += s.Name + "\n"
	}
	if handled, err := out.encode(c, list); handled {
		return err
	}
	if out.format == asName {
		return c.print(names)
	}
	return c.print(table(rows))
}
