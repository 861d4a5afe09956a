package main

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
)

// layer is what a new template directory holds.
//
//go:embed layer layer/.tests
var layer embed.FS

func newTemplateInit(c *cli) *cobra.Command {
	return &cobra.Command{
		Use:   "init DIR",
		Short: "Begin a template directory: values to choose from, and a first test",
		Long: `Begin a template directory. It gets a values.yaml in which everything is a comment, so that it changes nothing until you remove some #, and a
first task in .tests for template test. Files that exist stay as they are. The files that were made are printed.`,
		Example:           "  kubectl orchestra template init acme",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeDirectories,
		RunE:              func(_ *cobra.Command, args []string) error { return c.initLayer(args[0]) },
	}
}

func (c *cli) initLayer(dir string) error {
	var made []string
	err := fs.WalkDir(layer, "layer", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(dir, filepath.FromSlash(strings.TrimPrefix(name, "layer")))
		if entry.IsDir() {
			return os.MkdirAll(target, 0o755)
		}
		err = createFile(target, name)
		switch {
		case errors.Is(err, fs.ErrExist):
			c.say("%s exists already and stays as it is", target)
			return nil
		case err == nil:
			made = append(made, target)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("beginning template directory %q: %w", dir, err)
	}
	c.say("next: kubectl orchestra template lint %s", dir)
	return c.print(strings.Join(append(made, ""), "\n"))
}

// createFile copies an embedded file, and fails if the target exists.
func createFile(target, name string) error {
	content, err := layer.ReadFile(name)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(target, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	return errors.Join(err, file.Close())
}
