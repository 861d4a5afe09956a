package main

import (
	"github.com/spf13/cobra"

	"github.com/orchestra-ci/orchestra-k8s/driver"
)

func newTemplate(c *cli) *cobra.Command {
	command := &cobra.Command{
		Use:     "template",
		Short:   "Begin, list, check and test template directories; needs no cluster",
		Long:    "Begin, list, check and test template directories. docs/templates.md says what can be in one.",
		Example: "  kubectl orchestra template init acme",
		Args:    cobra.NoArgs,
		RunE:    func(command *cobra.Command, _ []string) error { return command.Help() },
	}
	command.AddCommand(newTemplateInit(c), newTemplateList(c), newTemplateLint(c), newTemplateTest(c))
	return command
}

// configWith is config with further layers on top of those of --templates.
func (c *cli) configWith(layers ...string) (driver.Config, error) {
	cfg, err := c.config()
	cfg.TemplateDirs = append(append([]string{}, cfg.TemplateDirs...), layers...)
	return cfg, err
}

// completeDirectories lets the shell complete directories.
func completeDirectories(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveFilterDirs
}
