// Package driver runs Orchestra's tasks as Kubernetes Pods.
package driver

import (
	"context"
	"log/slog"
	"sync"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
	"github.com/orchestra-ci/orchestra-k8s/render"
)

// Driver is an orchestra.Driver on one Kubernetes cluster, for one Orchestra namespace.
type Driver struct {
	orchestra.Driver

	cfg       Config
	log       *slog.Logger
	templates *render.Set
	settings  render.Settings
	namespace string // the Kubernetes namespace of every object

	rest    *rest.Config
	dynamic dynamic.Interface
	typed   kubernetes.Interface // protobuf
	watch   *podWatch

	ctx    context.Context // the driver's life: ends at Close
	cancel context.CancelFunc
	wg     sync.WaitGroup // background work, such as feeding stdin
}

// New connects, checks the templates and starts nothing else. A nil logger discards.
func New(ctx context.Context, cfg Config, logger *slog.Logger) (*Driver, error) {
	panic("being written")
}
