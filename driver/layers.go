package driver

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/orchestra-ci/orchestra-k8s/render"
	"github.com/orchestra-ci/orchestra-k8s/templates"
)

const builtinPrefix = "builtin:"

// LoadTemplates makes the set of templates that New would use, from the built-in ones, the layers and the values that cfg names. It needs no
// cluster: what it renders is what a driver of this cfg would apply, but for the driver's own mark (AnnotationLaunch).
func LoadTemplates(cfg Config) (set *render.Set, err error) {
	layers, closeLayers, err := openLayers(cfg.TemplateDirs)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, closeLayers()) }()
	return render.New(render.Config{
		Layers:        layers,
		Values:        cfg.values(),
		Namespace:     cfg.Namespace,
		KubeNamespace: cfg.KubeNamespace,
	})
}

// openLayers returns the built-in defaults and the named layers, and a function that closes the directories again.
func openLayers(names []string) ([]render.Layer, func() error, error) {
	defaults, err := fs.Sub(templates.FS, "default")
	if err != nil {
		return nil, nil, fmt.Errorf("opening the default templates: %w", err)
	}
	layers := []render.Layer{{Name: "default", FS: defaults}}
	var roots []*os.Root
	closeRoots := func() error {
		var errs []error
		for _, root := range roots {
			errs = append(errs, root.Close())
		}
		return errors.Join(errs...)
	}
	for _, name := range names {
		layer, root, err := openLayer(name)
		if err != nil {
			return nil, nil, errors.Join(err, closeRoots())
		}
		if root != nil {
			roots = append(roots, root)
		}
		layers = append(layers, layer)
	}
	return layers, closeRoots, nil
}

// openLayer opens one layer. A directory is opened as an os.Root, so that no symlink leads out of it.
func openLayer(name string) (render.Layer, *os.Root, error) {
	if builtin, ok := strings.CutPrefix(name, builtinPrefix); ok {
		layer, err := openBuiltin(name, builtin)
		return layer, nil, err
	}
	root, err := os.OpenRoot(name)
	if err != nil {
		return render.Layer{}, nil, fmt.Errorf("opening template directory %q: %w", name, err)
	}
	return render.Layer{Name: name, FS: root.FS()}, root, nil
}

func openBuiltin(name, builtin string) (render.Layer, error) {
	known, err := fs.ReadDir(templates.FS, "builtin")
	if err != nil {
		return render.Layer{}, fmt.Errorf("listing the built-in overlays: %w", err)
	}
	var names []string
	for _, entry := range known {
		if entry.Name() == builtin {
			files, err := fs.Sub(templates.FS, "builtin/"+builtin)
			return render.Layer{Name: name, FS: files}, err
		}
		names = append(names, builtinPrefix+entry.Name())
	}
	return render.Layer{}, fmt.Errorf("opening template layer %q: there is no such built-in overlay; there are %s", name, strings.Join(names, ", "))
}
