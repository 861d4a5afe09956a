package render

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// Layer is one source of template files. Later layers win over earlier ones, file by file.
type Layer struct {
	Name string // how errors and List call it: "default", "builtin:job", a directory's path
	FS   fs.FS
}

// Files with a meaning of their own. Names that begin with "_" are partials; every other .yaml file is an extra object.
const (
	podFile       = "pod.yaml"
	claimFile     = "pvc.yaml"
	namespaceFile = "namespace.yaml"
	valuesFile    = "values.yaml"
	schemaFile    = "values.schema.json"
)

// file is one file of one layer, read once.
type file struct {
	layer string
	name  string
	text  string
}

// String is how errors name a file: its layer and its name.
func (f file) String() string { return f.layer + "/" + f.name }

func (f file) isPartial() bool { return strings.HasPrefix(f.name, "_") }

// line is the number of the line, from 1, at this offset of the text.
func (f file) line(offset int) int { return 1 + strings.Count(f.text[:min(offset, len(f.text))], "\n") }

// ignored says why a file is no template, or "".
func ignored(name string) string {
	switch {
	case strings.HasPrefix(name, "."):
		return "hidden"
	case path.Ext(name) == ".md":
		return "documentation"
	}
	return ""
}

// read returns the layer's files in the order of their names.
func (l Layer) read() ([]file, error) {
	entries, err := fs.ReadDir(l.FS, ".")
	if err != nil {
		return nil, fmt.Errorf("reading template layer %q: %w", l.Name, err)
	}
	if len(entries) > maxFiles {
		return nil, fmt.Errorf("reading template layer %q: %d files, more than the %d that are allowed", l.Name, len(entries), maxFiles)
	}
	var files []file
	var problems []error
	for _, entry := range entries {
		f := file{layer: l.Name, name: entry.Name()}
		if ignored(f.name) == "" {
			if f.text, err = l.readFile(entry); err != nil {
				problems = append(problems, fmt.Errorf("reading template %s: %w", f, err))
				continue
			}
		}
		files = append(files, f)
	}
	return files, errors.Join(problems...)
}

func (l Layer) readFile(entry fs.DirEntry) (string, error) {
	if entry.IsDir() {
		return "", fmt.Errorf("is a directory; a layer is one flat directory of files")
	}
	switch ext := path.Ext(entry.Name()); {
	case ext == ".yaml", ext == ".tpl", entry.Name() == schemaFile:
	default:
		return "", fmt.Errorf("unknown kind of file %q; templates end in .yaml, partials in .tpl", ext)
	}
	if path.Ext(entry.Name()) == ".tpl" && !strings.HasPrefix(entry.Name(), "_") {
		return "", fmt.Errorf("a partial's name begins with an underscore: call it %q", "_"+entry.Name())
	}
	raw, err := fs.ReadFile(l.FS, entry.Name())
	switch {
	case err != nil && entry.Type()&fs.ModeSymlink != 0:
		return "", fmt.Errorf("a symbolic link that leads out of the directory, or to nothing; put a file there: %w", err)
	case err != nil:
		return "", err
	}
	if len(raw) > maxTemplateBytes {
		return "", fmt.Errorf("%d bytes, more than the %d that are allowed", len(raw), maxTemplateBytes)
	}
	return string(raw), nil
}
