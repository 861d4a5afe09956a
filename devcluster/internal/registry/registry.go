// Package registry serves the cluster's images. For containerd it is a mirror
// of docker.io that has nothing but busybox.
package registry

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/image"
)

// The images, without the registry's own address.
const (
	PauseImage   = "devcluster/pause:1"
	PrivateImage = "private/busybox:latest"

	// HealthPath answers 200 once every image is there: the pause image is stored last.
	HealthPath = "/v2/devcluster/pause/manifests/1"
)

// mirrored are docker.io's names for busybox that the mirror knows.
var mirrored = []string{
	"library/busybox:latest",
	"library/busybox:stable",
	"library/busybox:musl",
	"library/busybox:1",
	"library/busybox:1.36",
	"library/busybox:1.37",
}

// Config is what one registry is started with.
type Config struct {
	Address  string `json:"address"` // host and port to listen on
	Busybox  string `json:"busybox"` // path of a static busybox
	Username string `json:"username"`
	Password string `json:"password"`
}

// ReadConfig reads a Config from a JSON file.
func ReadConfig(path string) (Config, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return Config{}, err
	}
	var c Config
	if err := json.Unmarshal(content, &c); err != nil {
		return Config{}, fmt.Errorf("reading %s: %w", path, err)
	}
	return c, nil
}

// Serve runs the registry until ctx ends.
func Serve(ctx context.Context, c Config) error {
	listener, err := net.Listen("tcp", c.Address)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: Handler(c), ReadHeaderTimeout: time.Minute}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	if err := c.store(ctx); err != nil {
		_ = server.Close()
		return errors.Join(err, <-ended)
	}
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		_ = server.Close()
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	}
}

// Handler is an empty registry in memory. Anybody may read; the private image
// and every change need the credentials.
func Handler(c Config) http.Handler {
	images := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c.guards(r) && !c.admits(r) {
			w.Header().Set("WWW-Authenticate", `Basic realm="devcluster"`)
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}`)
			return
		}
		images.ServeHTTP(w, r)
	})
}

func (c Config) guards(r *http.Request) bool {
	read := r.Method == http.MethodGet || r.Method == http.MethodHead
	return !read || strings.HasPrefix(r.URL.Path, "/v2/private/")
}

func (c Config) admits(r *http.Request) bool {
	username, password, ok := r.BasicAuth()
	return ok && username == c.Username && subtle.ConstantTimeCompare([]byte(password), []byte(c.Password)) == 1
}

func (c Config) store(ctx context.Context) error {
	busybox, err := image.Busybox(c.Busybox)
	if err != nil {
		return err
	}
	for _, reference := range append(mirrored, PrivateImage) {
		if err := c.push(ctx, reference, busybox); err != nil {
			return err
		}
	}
	pause, err := image.Pause(c.Busybox)
	if err != nil {
		return err
	}
	return c.push(ctx, PauseImage, pause)
}

func (c Config) push(ctx context.Context, reference string, img v1.Image) error {
	tag, err := name.NewTag(c.Address+"/"+reference, name.Insecure)
	if err != nil {
		return fmt.Errorf("parsing image name %q: %w", reference, err)
	}
	auth := &authn.Basic{Username: c.Username, Password: c.Password}
	if err := remote.Write(tag, img, remote.WithContext(ctx), remote.WithAuth(auth)); err != nil {
		return fmt.Errorf("storing image %q: %w", reference, err)
	}
	return nil
}
