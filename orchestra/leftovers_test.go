package orchestra_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/orchestra-ci/orchestra-k8s/render"
)

// leftovers looks, when a test has ended, whether the cluster still has anything of the Orchestra namespaces that it used.
type leftovers struct {
	config *rest.Config

	mu         sync.Mutex
	namespaces map[string]bool
}

func watchLeftovers(t *testing.T, config *rest.Config) *leftovers {
	l := &leftovers{config: rest.CopyConfig(config), namespaces: map[string]bool{}}
	l.config.QPS, l.config.WarningHandler = -1, rest.NoWarnings{} // some kinds are deprecated
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 5*time.Minute)
		defer cancel()
		kinds, left := l.find(ctx, t)
		t.Logf("%d kinds were looked through for %d namespaces", kinds, len(l.namespaces))
		assert.Empty(t, left, "all drivers are closed, and this is left in the cluster")
	})
	return l
}

func (l *leftovers) of(namespace string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.namespaces[namespace] = true
}

// find looks through every kind that the cluster can list, whoever made the objects.
func (l *leftovers) find(ctx context.Context, t *testing.T) (kinds int, left []string) {
	client, err := rest.HTTPClientFor(l.config)
	require.NoError(t, err)
	defer utilnet.CloseIdleConnectionsFor(client.Transport)
	server, err := discovery.NewDiscoveryClientForConfigAndClient(l.config, client)
	require.NoError(t, err)
	objects, err := dynamic.NewForConfigAndClient(l.config, client)
	require.NoError(t, err)
	groups, err := server.ServerPreferredResourcesWithContext(ctx)
	if err != nil && !discovery.IsGroupDiscoveryFailedError(err) { // some server that others have added is down
		require.NoError(t, err)
	}
	for _, group := range groups {
		version, err := schema.ParseGroupVersion(group.GroupVersion)
		require.NoError(t, err)
		for _, kind := range group.APIResources {
			if !slices.Contains(kind.Verbs, "list") {
				continue
			}
			kinds++
			found, err := objects.Resource(version.WithResource(kind.Name)).List(ctx, metav1.ListOptions{LabelSelector: render.KeyNamespace})
			require.NoError(t, err, "listing %s", kind.Kind)
			for _, object := range found.Items {
				if l.namespaces[object.GetAnnotations()[render.KeyNamespace]] {
					left = append(left, fmt.Sprintf("%s/%s/%s", kind.Kind, object.GetNamespace(), object.GetName()))
				}
			}
		}
	}
	return kinds, left
}
