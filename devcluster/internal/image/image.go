// Package image makes the container images of the cluster out of one static
// busybox: there may be no registry in reach to pull any other from.
package image

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"runtime"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

const (
	program    = "bin/busybox"
	searchPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

	passwd = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n"
	group  = "root:x:0:\nnogroup:x:65534:\n"
)

// Busybox returns an image that behaves like the well-known one: a shell and
// the usual commands. The same program gives the same image, byte for byte.
func Busybox(busybox string) (v1.Image, error) {
	layer, err := layerOf(busybox)
	if err != nil {
		return nil, fmt.Errorf("making the busybox image: %w", err)
	}
	return withConfig(layer, v1.Config{Cmd: []string{"sh"}, Env: []string{searchPath}})
}

// Pause returns an image whose container does nothing until it is killed. A
// runtime keeps one per pod to hold the pod's namespaces.
func Pause(busybox string) (v1.Image, error) {
	layer, err := layerOf(busybox)
	if err != nil {
		return nil, fmt.Errorf("making the pause image: %w", err)
	}
	const longest = "2147483647" // seconds: 68 years
	return withConfig(layer, v1.Config{Entrypoint: []string{"/bin/busybox", "sleep", longest}, Env: []string{searchPath}})
}

func withConfig(layer v1.Layer, config v1.Config) (v1.Image, error) {
	image, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		return nil, err
	}
	file, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	file = file.DeepCopy()
	file.OS, file.Architecture, file.Config = "linux", runtime.GOARCH, config
	return mutate.ConfigFile(image, file)
}

func layerOf(busybox string) (v1.Layer, error) {
	content, err := os.ReadFile(busybox)
	if err != nil {
		return nil, err
	}
	applets, err := exec.Command(busybox, "--list-full").Output()
	if err != nil {
		return nil, fmt.Errorf("listing the applets of %s: %w", busybox, err)
	}
	archive, err := rootfs(content, strings.Fields(string(applets)))
	if err != nil {
		return nil, err
	}
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(archive)), nil
	})
}

// rootfs is a tar of a root file system: the program, a link to it for each
// applet, such as "usr/bin/env", and what programs expect to find.
func rootfs(busybox []byte, applets []string) ([]byte, error) {
	var buffer bytes.Buffer
	w := writer{tar.NewWriter(&buffer)}
	w.folders(applets)
	w.add(tar.Header{Name: program, Mode: 0o755}, busybox)
	w.add(tar.Header{Name: "etc/passwd", Mode: 0o644}, []byte(passwd))
	w.add(tar.Header{Name: "etc/group", Mode: 0o644}, []byte(group))
	for _, applet := range applets {
		if applet != program {
			w.add(tar.Header{Name: applet, Typeflag: tar.TypeSymlink, Linkname: "/" + program, Mode: 0o777}, nil)
		}
	}
	// A tar.Writer keeps its first error and returns it from Close.
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("writing the root file system: %w", err)
	}
	return buffer.Bytes(), nil
}

type writer struct{ *tar.Writer }

func (w writer) folders(applets []string) {
	made := map[string]bool{".": true}
	add := func(name string, mode int64) {
		if !made[name] {
			made[name] = true
			w.add(tar.Header{Name: name + "/", Typeflag: tar.TypeDir, Mode: mode}, nil)
		}
	}
	add("tmp", 0o1777)
	add("root", 0o700)
	for _, name := range []string{"bin", "dev", "etc", "home", "proc", "sys", "usr", "var"} {
		add(name, 0o755)
	}
	for _, applet := range applets {
		add(path.Dir(applet), 0o755)
	}
}

func (w writer) add(header tar.Header, content []byte) {
	header.Size = int64(len(content))
	header.Format = tar.FormatPAX
	if w.WriteHeader(&header) == nil {
		_, _ = w.Write(content)
	}
}
