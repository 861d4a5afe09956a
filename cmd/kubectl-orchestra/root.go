package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// cli is what all commands share.
type cli struct {
	streams
	connection
}

// Groups of commands, in the order of the help.
const (
	groupTasks     = "tasks"
	groupTemplates = "templates"
	groupCluster   = "cluster"
)

func newRoot(c *cli) *cobra.Command {
	root := &cobra.Command{
		Use:           "kubectl-orchestra",
		Short:         "Run Orchestra's tasks as Kubernetes Pods",
		Long:          "Run Orchestra's tasks (an image, a command, env, mounts, limits, stdin) as Kubernetes Pods or Jobs.\n\n" + scopeHelp,
		Example:       "  kubectl orchestra run --rm --image busybox -- echo hello",
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl orchestra"},
		SilenceErrors: true,
		SilenceUsage:  true,

		SuggestionsMinimumDistance: 2,
		Args:                       noSuchCommand,
		RunE:                       func(command *cobra.Command, _ []string) error { return command.Help() },
	}
	root.SetIn(c.in)
	root.SetOut(c.out)
	root.SetErr(c.err)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.AddGroup(
		&cobra.Group{ID: groupTasks, Title: "Tasks:"},
		&cobra.Group{ID: groupTemplates, Title: "Templates (need no cluster):"},
		&cobra.Group{ID: groupCluster, Title: "Cluster:"},
	)
	c.addConnection(root.PersistentFlags())
	c.addCommands(root, groupTasks, newRun(c), newPs(c), newStatus(c), newLogs(c), newWait(c), newRm(c), newExec(c), newShell(c), newCp(c), newVolumes(c), newClose(c), newSweep(c))
	c.addCommands(root, groupTemplates, newRender(c), newTemplate(c))
	c.addCommands(root, groupCluster, newDoctor(c), newRbac(c), newVersion(c))
	return root
}

// noSuchCommand refuses what is no command, and offers what looks like it.
func noSuchCommand(root *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	err := fmt.Errorf("unknown command %q", args[0])
	if similar := root.SuggestionsFor(args[0]); len(similar) > 0 {
		err = fmt.Errorf("%w; did you mean %s?", err, strings.Join(similar, " or "))
	}
	return usageError{err}
}

const scopeHelp = `All commands work in one scope (--scope), which is Orchestra's namespace: it scopes the names of tasks and volumes, and what
close and sweep remove. The Kubernetes namespace (-n) is where the objects are.`

func (c *cli) addCommands(root *cobra.Command, group string, commands ...*cobra.Command) {
	for _, command := range commands {
		command.GroupID = group
		root.AddCommand(command)
		c.prepare(command)
	}
}

// prepare gives a command and its subcommands what all have.
func (c *cli) prepare(command *cobra.Command) {
	for _, sub := range command.Commands() {
		c.prepare(sub)
	}
	if !hasShorthand(command.Flags(), "v") { // -v of `run` is a volume, as Docker has it
		command.Flags().BoolVarP(&c.verbose, "verbose", "v", false, "log what the driver does")
	} else {
		command.Flags().BoolVar(&c.verbose, "verbose", false, "log what the driver does")
	}
	if check := command.Args; check != nil {
		command.Args = func(command *cobra.Command, args []string) error {
			if err := check(command, args); err != nil {
				return usageError{err}
			}
			return nil
		}
	}
}

func hasShorthand(flags *pflag.FlagSet, shorthand string) bool {
	return flags.ShorthandLookup(shorthand) != nil
}
