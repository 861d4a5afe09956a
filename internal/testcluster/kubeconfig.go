// Package testcluster finds the Kubernetes cluster that tests may use: one that was given to them, never one that happens
// to be configured.
package testcluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// Variable is the environment variable that names a kubeconfig for the tests. $KUBECONFIG and ~/.kube/config are not used, as
// they may lead to a cluster that nobody wanted to be tested on.
const Variable = "ORCHESTRA_TEST_KUBECONFIG"

const advice = `
These tests need a Kubernetes cluster:
* make cluster-up starts one on this machine (Linux, root);
* ` + Variable + `=/path/to/kubeconfig make test uses yours: kind, minikube, or any other that may be tested on;
* go test -short leaves these tests out.`

// answerTimeout is long enough for a busy machine and short enough for a person who waits.
const answerTimeout = 30 * time.Second

// NoNodeVariable is set by `make test` on a machine that cannot run a node, to the reason. Tests that need one are then left
// out, and `make test` says so in its last lines. Continuous integration never sets it.
const NoNodeVariable = "ORCHESTRA_TEST_NO_NODE"

// Kubeconfig returns the path of the kubeconfig of a cluster that answers and has a node: the one that Variable names, or else
// the development cluster's. Without one the test fails with advice; under -short it is skipped.
func Kubeconfig(t testing.TB) string {
	t.Helper()
	if why := os.Getenv(NoNodeVariable); why != "" && !testing.Short() {
		t.Skipf("needs a node, and this machine cannot run one: %s", why)
	}
	return Simulated(t)
}

// Simulated is Kubeconfig for tests that need an API server and the simulated nodes of the development cluster, but no real node.
func Simulated(t testing.TB) string {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a cluster, and -short leaves those tests out")
	}
	path, err := find(t.Context(), os.Getenv(Variable), os.UserCacheDir)
	if err != nil {
		t.Fatalf("%v\n%s", err, advice)
	}
	return path
}

// find prefers what was given; it never falls back when that does not work.
func find(ctx context.Context, given string, cacheDir func() (string, error)) (string, error) {
	if given != "" {
		return given, answers(ctx, given)
	}
	cache, err := cacheDir()
	if err != nil {
		return "", fmt.Errorf("looking for the development cluster: %w", err)
	}
	path := filepath.Join(cache, "orchestra-devcluster", "clusters", "dev", "kubeconfig")
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("looking for a cluster: $%s is not set and the development cluster is not there: %w", Variable, err)
	}
	return path, answers(ctx, path)
}

// answers reports why the cluster of a kubeconfig cannot be used.
func answers(ctx context.Context, kubeconfig string) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return fmt.Errorf("reading kubeconfig %q: %w", kubeconfig, err)
	}
	config.Timeout = answerTimeout
	httpClient, err := rest.HTTPClientFor(config)
	if err != nil {
		return fmt.Errorf("connecting to the cluster of %q: %w", kubeconfig, err)
	}
	defer utilnet.CloseIdleConnectionsFor(httpClient.Transport)
	client, err := discovery.NewDiscoveryClientForConfigAndClient(config, httpClient)
	if err != nil {
		return fmt.Errorf("connecting to the cluster of %q: %w", kubeconfig, err)
	}
	if _, err := client.RESTClient().Get().AbsPath("/readyz").DoRaw(ctx); err != nil {
		return fmt.Errorf("asking the cluster of %q whether it is ready: %w", kubeconfig, err)
	}
	return nil
}
