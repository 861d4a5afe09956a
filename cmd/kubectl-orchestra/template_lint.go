package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/kubernetes/scheme"

	"github.com/orchestra-ci/orchestra-k8s/driver"
	"github.com/orchestra-ci/orchestra-k8s/internal/terminal"
	"github.com/orchestra-ci/orchestra-k8s/orchestra"
	"github.com/orchestra-ci/orchestra-k8s/render"
)

func newTemplateLint(c *cli) *cobra.Command {
	var server bool
	command := &cobra.Command{
		Use:   "lint [DIR...]",
		Short: "Check templates: values, functions, the driver's rules, API types, and hostile tasks",
		Long: `Check the templates that --templates and the DIRs make together, with sample tasks that use every field:
the values against their schema, the functions, what the driver relies on, all fields against Kubernetes' own types, and whether a
hostile task could be read as YAML. With --server the API server is asked as well, in a dry run that stores nothing. The exit code is 1 if something is wrong.`,
		Example: `  kubectl orchestra template lint builtin:restricted
  kubectl orchestra template lint acme --server`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: completeDirectories,
		RunE: func(command *cobra.Command, args []string) error {
			cfg, err := c.configWith(args...)
			if err != nil {
				return err
			}
			return c.lint(command.Context(), cfg, server)
		},
	}
	command.Flags().BoolVar(&server, "server", false, "also ask the cluster's API server, in a dry run")
	return command
}

// lint runs all checks that the earlier ones allow.
func (c *cli) lint(ctx context.Context, cfg driver.Config, server bool) error {
	set, err := driver.LoadTemplates(cfg)
	failed := c.reportCheck("values, functions and the driver's rules", err)
	if failed {
		return silentExit{exitFailure}
	}
	failed = c.reportCheck("hostile tasks", set.Lint()) || failed
	failed = c.reportCheck("Kubernetes' types", c.checkTypes(set)) || failed
	if server {
		c.cfg.TemplateDirs = cfg.TemplateDirs
		err := c.with(ctx, func(d *driver.Driver) error { return d.DryRun(ctx, sampleTask()) })
		failed = c.reportCheck("the API server", err) || failed
	}
	if failed {
		return silentExit{exitFailure}
	}
	return nil
}

// reportCheck prints a line for a check, and what is wrong below it.
func (c *cli) reportCheck(what string, err error) (failed bool) {
	if err == nil {
		_ = c.print(c.colour.Good("ok") + "     " + what + "\n")
		return false
	}
	problems := strings.ReplaceAll(terminal.Clean(err.Error()), "\n", "\n       ")
	_ = c.print(c.colour.Bad("wrong") + "  " + what + "\n       " + problems + "\n")
	return true
}

// sampleTask uses what a task of any platform may use.
func sampleTask() orchestra.Task {
	return orchestra.Task{
		ID: "sample", Image: "busybox", Command: []string{"sh", "-c", "true"}, Env: map[string]string{"NAME": "value"},
		Mounts:          orchestra.Mounts{{Name: "sample", Path: "sample"}},
		ContainerLimits: orchestra.ContainerLimits{CPU: 512, Memory: 64 << 20}, Stdin: strings.NewReader(""),
	}
}

// checkTypes decodes all objects of a sample task strictly. Kinds that are not Kubernetes' own are named and left to --server.
func (c *cli) checkTypes(set *render.Set) error {
	objects, err := set.All(sampleTask(), render.RoleTask)
	if err != nil {
		return err
	}
	decoder := serializer.NewCodecFactory(scheme.Scheme, serializer.EnableStrict).UniversalDeserializer()
	var problems []error
	for _, object := range objects {
		if !scheme.Scheme.Recognizes(object.GroupVersionKind()) {
			c.say("%s is not one of Kubernetes' own kinds: only --server can check it", object.GroupVersionKind())
			continue
		}
		problems = append(problems, decode(decoder, object))
	}
	return errors.Join(problems...)
}

// decode says for each field that Kubernetes does not have, or has as another type, where the template is that makes it.
func decode(decoder runtime.Decoder, object render.Object) error {
	raw, err := object.MarshalJSON()
	if err == nil {
		_, _, err = decoder.Decode(raw, nil, nil)
	}
	all := []error{err}
	if strict, ok := runtime.AsStrictDecodingError(err); ok {
		all = strict.Errors()
	}
	var problems []error
	for _, err := range all {
		if err != nil {
			problems = append(problems, fmt.Errorf("template %s: %s: %w", object.Position(fieldIn(err)), object.GetKind(), err))
		}
	}
	return errors.Join(problems...)
}

// fieldIn is the path in an error such as `unknown field "spec.hostNam"`, or "".
func fieldIn(err error) string {
	_, after, _ := strings.Cut(err.Error(), `field "`)
	path, _, _ := strings.Cut(after, `"`)
	return path
}
