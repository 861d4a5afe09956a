package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/orchestra-ci/orchestra-k8s/driver"
	"github.com/orchestra-ci/orchestra-k8s/internal/terminal"
	"github.com/orchestra-ci/orchestra-k8s/internal/textdiff"
	"github.com/orchestra-ci/orchestra-k8s/orchestra"
	"github.com/orchestra-ci/orchestra-k8s/render"
)

// What --diff compares with, beside layers.
const (
	diffLive    = "live"
	diffDefault = "default"
)

// renderDiff prints what is other with the task's templates than with those of against, or than in the cluster.
func (c *cli) renderDiff(ctx context.Context, cfg driver.Config, against []string, set *render.Set, task orchestra.Task) error {
	if slices.Contains(against, diffLive) && len(against) > 1 {
		return usageError{errors.New("flag --diff live: it cannot be combined with layers")}
	}
	objects, err := objectsOf(set, task)
	if err != nil {
		return err
	}
	var others []*unstructured.Unstructured
	if against[0] == diffLive {
		objects = objects[len(objects)-1:]
		others, err = c.liveObjects(ctx, task.ID, objects[0])
	} else {
		cfg.TemplateDirs = slices.DeleteFunc(slices.Clone(against), func(layer string) bool { return layer == diffDefault })
		others, err = objectsWith(cfg, task)
	}
	if err != nil {
		return err
	}
	return c.printDiff(others, objects)
}

// objectsWith renders with other layers.
func objectsWith(cfg driver.Config, task orchestra.Task) ([]*unstructured.Unstructured, error) {
	set, err := loadTemplates(cfg)
	if err != nil {
		return nil, err
	}
	return objectsOf(set, task)
}

// liveObjects is the task's workload as the cluster has it, cut to the fields that the rendered one has.
func (c *cli) liveObjects(ctx context.Context, id string, rendered *unstructured.Unstructured) ([]*unstructured.Unstructured, error) {
	var live *unstructured.Unstructured
	err := c.with(ctx, func(d *driver.Driver) (err error) {
		live, err = d.LiveWorkload(ctx, id)
		return err
	})
	if err != nil {
		return nil, err
	}
	fields, _ := shaped(rendered.Object, live.Object).(map[string]any)
	return []*unstructured.Unstructured{{Object: fields}}, nil
}

func (c *cli) printDiff(others, objects []*unstructured.Unstructured) error {
	before, err := manifest(others)
	if err != nil {
		return err
	}
	after, err := manifest(objects)
	if err != nil {
		return err
	}
	lines := textdiff.Lines(before, after)
	if len(lines) == 0 {
		c.say("nothing differs")
		return nil
	}
	var text strings.Builder
	for _, line := range lines {
		shown := terminal.Line(line.Text)
		switch shown = string(line.Op) + strings.Repeat(" ", len(line.Text)-len(strings.TrimLeft(line.Text, " "))) + strings.TrimLeft(shown, " "); line.Op {
		case textdiff.Add:
			shown = c.colour.Good(shown)
		case textdiff.Remove:
			shown = c.colour.Bad(shown)
		}
		fmt.Fprintln(&text, shown)
	}
	if err := c.print(text.String()); err != nil {
		return err
	}
	return silentExit{exitFailure}
}

// shaped is of live what has a counterpart in wanted: the server adds defaults, and the cluster its status. A quantity that is only written in
// another way is taken as it is wanted.
func shaped(wanted, live any) any {
	switch wanted := wanted.(type) {
	case map[string]any:
		fields, ok := live.(map[string]any)
		if !ok {
			return live
		}
		cut := map[string]any{}
		for key, value := range wanted {
			if found, ok := fields[key]; ok {
				cut[key] = shaped(value, found)
			}
		}
		return cut
	case []any:
		elements, ok := live.([]any)
		if !ok {
			return live
		}
		return shapedList(wanted, elements)
	}
	if sameQuantity(wanted, live) {
		return wanted
	}
	return live
}

// shapedList pairs elements by their names, else by their places. What only live has of named ones was added by admission.
func shapedList(wanted, live []any) []any {
	cut := []any{}
	for i, value := range wanted {
		name := nameOf(value)
		at := slices.IndexFunc(live, func(element any) bool { return name != nil && nameOf(element) == name })
		if name == nil && i < len(live) {
			at = i
		}
		if at >= 0 {
			cut = append(cut, shaped(value, live[at]))
		}
	}
	if len(wanted) > 0 && nameOf(wanted[0]) != nil {
		return cut
	}
	return append(cut, live[min(len(cut), len(live)):]...)
}

func nameOf(element any) any {
	fields, _ := element.(map[string]any)
	return fields["name"]
}

func sameQuantity(wanted, live any) bool {
	if fmt.Sprint(wanted) == fmt.Sprint(live) {
		return true
	}
	one, err := resource.ParseQuantity(fmt.Sprint(wanted))
	if err != nil {
		return false
	}
	other, err := resource.ParseQuantity(fmt.Sprint(live))
	return err == nil && one.Cmp(other) == 0
}
