package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/orchestra-ci/orchestra-k8s/internal/taskfile"
	"github.com/orchestra-ci/orchestra-k8s/internal/textdiff"
	"github.com/orchestra-ci/orchestra-k8s/render"
)

// testsFolder is hidden, so that a layer's reader leaves it alone.
const testsFolder = ".tests"

const (
	taskSuffix   = ".yaml"
	goldenSuffix = ".golden.yaml"
)

func newTemplateTest(c *cli) *cobra.Command {
	var update bool
	command := &cobra.Command{
		Use:   "test DIR",
		Short: "Render the task files of DIR/.tests and compare with the golden files beside them",
		Long: `Render every task file DIR/.tests/NAME.yaml with the templates of DIR, on top of those of --templates, and compare with
DIR/.tests/NAME.golden.yaml. --update writes the golden files anew: look at what has changed before you commit them. The names of objects depend on
--scope, so use the same for every run. The exit code is 1 if something differs.`,
		Example: `  kubectl orchestra template test acme --update
  kubectl orchestra template test acme`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeDirectories,
		RunE: func(_ *cobra.Command, args []string) error {
			cfg, err := c.configWith(args[0])
			if err != nil {
				return err
			}
			set, err := loadTemplates(cfg)
			if err != nil {
				return err
			}
			return c.testLayer(set, filepath.Join(args[0], testsFolder), update)
		},
	}
	command.Flags().BoolVar(&update, "update", false, "write the golden files anew")
	return command
}

func (c *cli) testLayer(set *render.Set, dir string, update bool) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("listing the tests: %w", err)
	}
	failed, tested := false, 0
	for _, entry := range entries {
		name, isTask := strings.CutSuffix(entry.Name(), taskSuffix)
		if !isTask || strings.HasSuffix(entry.Name(), goldenSuffix) {
			continue
		}
		tested++
		err := compareGolden(set, filepath.Join(dir, name), update)
		failed = c.reportCheck(name, err) || failed
	}
	switch {
	case tested == 0:
		return hinted{fmt.Errorf("testing templates: there is no task file in %s", dir), "`kubectl orchestra template init DIR` makes a first one."}
	case failed:
		return hinted{errors.New("testing templates: some tasks render to something else than their golden files"), "If that is what you want, write them anew with --update."}
	}
	return nil
}

// compareGolden renders one task file and compares, or updates.
func compareGolden(set *render.Set, path string, update bool) error {
	content, err := os.ReadFile(path + taskSuffix)
	if err != nil {
		return err
	}
	task, err := taskfile.Parse(path+taskSuffix, content)
	if err != nil {
		return err
	}
	if err := task.Validate(set.Users()...); err != nil {
		return err
	}
	objects, err := objectsOf(set, task)
	if err != nil {
		return err
	}
	got, err := manifest(objects)
	if err != nil {
		return err
	}
	if update {
		return os.WriteFile(path+goldenSuffix, []byte(got), 0o644)
	}
	want, err := os.ReadFile(path + goldenSuffix)
	if err != nil {
		return fmt.Errorf("reading the golden file: %w", err)
	}
	return difference(string(want), got)
}

// difference is nil if the texts are the same.
func difference(want, got string) error {
	lines := textdiff.Lines(want, got)
	if len(lines) == 0 {
		return nil
	}
	var text strings.Builder
	for _, line := range lines {
		text.WriteString("\n" + string(line.Op) + line.Text)
	}
	return errors.New("differs from the golden file (- golden, + rendered):" + text.String())
}
