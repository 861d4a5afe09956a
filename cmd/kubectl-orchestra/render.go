package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/orchestra-ci/orchestra-k8s/driver"
	"github.com/orchestra-ci/orchestra-k8s/internal/terminal"
	"github.com/orchestra-ci/orchestra-k8s/orchestra"
	"github.com/orchestra-ci/orchestra-k8s/render"
)

type renderFlags struct {
	task    taskFlags
	out     output
	explain bool
	diff    []string
}

func newRender(c *cli) *cobra.Command {
	var f renderFlags
	command := &cobra.Command{
		Use:   "render [ID] --image IMAGE [flags] [-- COMMAND...]",
		Short: "Print the objects that run would apply; needs no cluster",
		Long: `Print the objects that run with the same flags would apply, in its order. No cluster is needed. The only thing that is missing is the
driver's mark of who made an object (annotation ` + driver.AnnotationLaunch + `).

--explain says for every line which layer, file and line it came from. --diff shows what would change: "live" compares with the task that is
in the cluster (fields that only the cluster has are left out), "default" with the built-in templates alone, and anything else is a layer as in
--templates. With --diff the exit code is 0 if nothing differs and 1 if something does.`,
		Example: `  kubectl orchestra render build-7 --image busybox -v cache:cache
  kubectl orchestra render build-7 --image busybox --templates builtin:restricted --explain
  kubectl orchestra render build-7 --image busybox --templates builtin:job --diff default`,
		Args: taskArgs,
		RunE: func(command *cobra.Command, args []string) error {
			task, err := f.task.task(command, args, c.in)
			if err != nil {
				return err
			}
			return c.render(command, &f, task)
		},
	}
	f.task.add(command)
	f.out.add(command, asYAML, asJSON, asName)
	command.Flags().BoolVar(&f.explain, "explain", false, "say which layer, file and line every line came from")
	command.Flags().StringArrayVar(&f.diff, "diff", nil, `compare with "live", "default" or a layer; may be given several times for several layers`)
	command.MarkFlagsMutuallyExclusive("explain", "diff")
	command.MarkFlagsMutuallyExclusive("explain", "output")
	command.MarkFlagsMutuallyExclusive("diff", "output")
	return command
}

func (c *cli) render(command *cobra.Command, f *renderFlags, task orchestra.Task) error {
	cfg, err := c.config()
	if err != nil {
		return err
	}
	set, err := loadTemplates(cfg)
	if err != nil {
		return err
	}
	if err := task.Validate(set.Users()...); err != nil {
		return err
	}
	switch {
	case f.explain:
		return c.explain(set, task)
	case len(f.diff) > 0:
		return c.renderDiff(command.Context(), cfg, f.diff, set, task)
	}
	objects, err := objectsOf(set, task)
	if err != nil {
		return err
	}
	return c.printObjects(&f.out, objects)
}

// loadTemplates is driver.LoadTemplates with a hint for whoever made a mistake in a template.
func loadTemplates(cfg driver.Config) (*render.Set, error) {
	set, err := driver.LoadTemplates(cfg)
	if err != nil {
		return nil, hinted{err, templatesHint}
	}
	return set, nil
}

// objectsOf are all objects that run would apply, in its order.
func objectsOf(set *render.Set, task orchestra.Task) ([]*unstructured.Unstructured, error) {
	all, err := set.All(task, render.RoleTask)
	if err != nil {
		return nil, err
	}
	objects := make([]*unstructured.Unstructured, len(all))
	for i, object := range all {
		objects[i] = object.Unstructured
	}
	return objects, nil
}

func (c *cli) printObjects(out *output, objects []*unstructured.Unstructured) error {
	switch out.format {
	case asName:
		var names strings.Builder
		for _, object := range objects {
			fmt.Fprintf(&names, "%s/%s\n", strings.ToLower(object.GetKind()), object.GetName())
		}
		return c.print(names.String())
	case asJSON:
		list := unstructured.UnstructuredList{Object: map[string]any{"apiVersion": "v1", "kind": "List"}}
		for _, object := range objects {
			list.Items = append(list.Items, *object)
		}
		_, err := out.encode(c, list.UnstructuredContent())
		return err
	}
	text, err := manifest(objects)
	if err != nil {
		return err
	}
	return c.print(text)
}

// manifest is a stream of YAML documents, as `kubectl apply -f -` reads it.
func manifest(objects []*unstructured.Unstructured) (string, error) {
	var text strings.Builder
	for i, object := range objects {
		document, err := yaml.Marshal(object.Object)
		if err != nil {
			return "", fmt.Errorf("encoding %s %q: %w", object.GetKind(), object.GetName(), err)
		}
		if i > 0 {
			text.WriteString("---\n")
		}
		text.Write(document)
	}
	return text.String(), nil
}

// explain prints the manifest with the place beside each line where it came from.
func (c *cli) explain(set *render.Set, task orchestra.Task) error {
	lines, err := set.Explain(task, render.RoleTask)
	if err != nil {
		return err
	}
	width := 0
	for _, line := range lines {
		width = max(width, len([]rune(line.Text)))
	}
	var text strings.Builder
	for _, line := range lines {
		from := c.colour.Faint("# " + terminal.Line(line.From.String()))
		text.WriteString(strings.TrimRight(fmt.Sprintf("%-*s  %s", min(width, maxExplained), terminal.Line(line.Text), from), " ") + "\n")
	}
	return c.print(text.String())
}

// maxExplained keeps the places near their lines when some lines are very long.
const maxExplained = 80
