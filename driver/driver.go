// Package driver runs Orchestra's tasks as Kubernetes Pods or Jobs.
//
// A task is rendered by package render, applied by server-side apply, watched, streamed and cleaned up: one file for each verb, and
// where a verb takes several, all begin with its name (logs.go, logs_reader.go). In the order of a task's life:
//
//	connect   driver.go, config.go, layers.go, connect.go; below every request dial.go, proxy.go, limiter.go, grants.go, warnings.go, quiet.go, retry.go
//	create    run.go, launch.go, apply.go, ownership.go, prepare.go, volume.go; hold.go and lease.go say who uses an object
//	watch     watch.go, feed.go, link.go, store.go, record.go
//	judge     statusof.go, terminated.go, waiting.go, interruption.go, job.go, outcome.go; with a clock deadline.go, enforce.go, events.go
//	stream    logs.go, stdin.go; the protocols of stdin and exec are upgraded to in websocket.go and spdy.go
//	work in   sandbox.go, exec.go, copy.go; identity.go keeps all streams from a namesake of the pod
//	remove    cleanup.go, delete.go, gone.go, remove.go, close.go, sweep.go
//	look on   get.go, task.go, tasks.go, volumes.go, dryrun.go, rbac.go
package driver

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
	"github.com/orchestra-ci/orchestra-k8s/render"
)

// Name is the driver's name in Orchestra's registry.
const Name = "k8s"

func init() {
	orchestra.Register(Name, func(ctx context.Context, namespace string, logger *slog.Logger) (orchestra.Driver, error) {
		return New(ctx, Config{Namespace: namespace}, logger)
	})
}

// Driver is an orchestra.Driver on one Kubernetes cluster, for one Orchestra namespace. It is safe for concurrent use.
// Several drivers may share a namespace, in one process or in many.
type Driver struct {
	cfg       Config
	log       *slog.Logger
	templates *render.Set
	settings  render.Settings
	makesJobs bool   // else Pods
	namespace string // the Kubernetes namespace of every object
	instance  string // names this driver among all of its Orchestra namespace
	source    string // where the cluster was found
	retry     retry

	rest       *rest.Config
	dynamic    dynamic.Interface
	typed      kubernetes.Interface // protobuf
	resources  *resources
	disconnect func() // closes all connections
	watch      *podWatch
	logStreams logStreams // whether the cluster keeps stdout and stderr apart

	ctx    context.Context // the driver's life: ends at Close, with ErrClosed as cause
	cancel context.CancelCauseFunc
	wg     sync.WaitGroup // calls that may create, and background work such as feeding stdin

	now       func() time.Time
	trail     time.Duration // newsTrail
	execIdle  time.Duration // execIdle
	presence  presence
	helpers   *helpers // that copy
	launches  atomic.Int64
	preparing chan struct{} // holds a token while namespace.yaml is applied
	prepared  bool          // guarded by preparing
	closing   sync.Mutex    // one Close at a time
	mu        sync.Mutex    // guards what follows
	closed    bool
	gone      bool // Close has removed everything
}

var _ orchestra.Driver = (*Driver)(nil)

// New finds the cluster, checks the templates with sample tasks, and asks the API server for its version, the only
// request: a wrong address or credential is found here. It creates nothing and starts nothing. A nil logger discards.
//
// The cluster is that of cfg.RESTConfig, else cfg.Kubeconfig, else $KUBECONFIG, else the one that this process runs in, else
// ~/.kube/config. ctx bounds New, not the driver's life.
func New(ctx context.Context, cfg Config, logger *slog.Logger) (*Driver, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	cfg = cfg.withDefaults()
	templates, err := LoadTemplates(cfg)
	if err != nil {
		return nil, err
	}
	found, err := connect(cfg, processEnvironment())
	if err != nil {
		return nil, err
	}
	d := newDriver(ctx, cfg, logger, templates)
	d.source = found.source
	if err := d.useCluster(found.rest); err != nil {
		return nil, fmt.Errorf("using the cluster of %s: %w", found.source, err)
	}
	if err := d.greet(ctx); err != nil {
		d.disconnect()
		return nil, fmt.Errorf("asking the API server %s of %s for its version: %w", found.rest.Host, found.source, err)
	}
	return d, nil
}

// newDriver makes a driver without a cluster.
func newDriver(ctx context.Context, cfg Config, logger *slog.Logger, templates *render.Set) *Driver {
	d := &Driver{
		cfg: cfg, log: logger, templates: templates, settings: templates.Settings(), makesJobs: makesJobs(templates), namespace: templates.KubeNamespace(),
		instance: strings.ToLower(rand.Text()), retry: newRetry(logger), now: time.Now, trail: newsTrail, execIdle: execIdle, preparing: make(chan struct{}, 1),
	}
	d.presence = presence{d: d, used: map[types.UID]bool{}, leasing: make(chan struct{}, 1)}
	d.helpers = newHelpers(d)
	d.ctx, d.cancel = context.WithCancelCause(quiet(context.WithoutCancel(ctx)))
	return d
}

// useCluster makes the clients. All share one set of connections and one cap on requests.
func (d *Driver) useCluster(config *rest.Config) error {
	tune(config, d.cfg.MaxRequests, newWarnings(d.log))
	var err error
	if d.disconnect, err = ownConnections(config); err != nil {
		return err
	}
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return err
	}
	protobuf := rest.CopyConfig(config)
	protobuf.ContentType = runtime.ContentTypeProtobuf
	protobuf.AcceptContentTypes = runtime.ContentTypeProtobuf + "," + runtime.ContentTypeJSON
	var errs [2]error
	d.rest = config
	d.dynamic, errs[0] = dynamic.NewForConfigAndClient(config, client)
	d.typed, errs[1] = kubernetes.NewForConfigAndClient(protobuf, client)
	if err := errors.Join(errs[:]...); err != nil {
		return err
	}
	d.resources = newResources(d.typed.Discovery(), &d.retry)
	d.watch = newPodWatch(d.typed, d.namespace, d.selector(), d.log)
	d.watch.limits = deadlinesOf(d.settings)
	return nil
}

// greet finds out whether the server answers and accepts the credentials.
func (d *Driver) greet(ctx context.Context) error {
	version, err := d.typed.Discovery().ServerVersionWithContext(quiet(ctx))
	if err != nil {
		return err
	}
	d.log.DebugContext(ctx, "connected", "server", d.rest.Host, "version", version.GitVersion, "namespace", d.namespace)
	return nil
}

// Cluster says, for people, which cluster this is, where it was found, and the Kubernetes namespace that is used.
func (d *Driver) Cluster() string {
	return fmt.Sprintf("%s (%s), Kubernetes namespace %q", d.rest.Host, d.source, d.namespace)
}

// Name is "k8s".
func (d *Driver) Name() string { return Name }
