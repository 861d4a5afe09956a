package driver

import (
	"context"
	"fmt"
	"strings"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
)

// apiResource is the part of the API that serves a kind.
type apiResource struct {
	schema.GroupVersionResource
	namespaced bool
}

// resources maps kinds to resources. The kinds that every driver needs are known; others are asked of the
// server, one request for each group and version, once.
type resources struct {
	discovery discovery.ServerResourcesInterfaceWithContext
	retry     *retry
	known     sync.Map // schema.GroupVersionKind -> apiResource
}

func newResources(server discovery.ServerResourcesInterfaceWithContext, retry *retry) *resources {
	r := &resources{discovery: server, retry: retry}
	r.known.Store(podKind, apiResource{podKind.GroupVersion().WithResource("pods"), true})
	r.known.Store(jobKind, apiResource{jobKind.GroupVersion().WithResource("jobs"), true})
	r.known.Store(claimKind, apiResource{claimKind.GroupVersion().WithResource("persistentvolumeclaims"), true})
	r.known.Store(serviceAccountKind, apiResource{serviceAccountKind.GroupVersion().WithResource("serviceaccounts"), true})
	r.known.Store(leaseKind, apiResource{leaseKind.GroupVersion().WithResource("leases"), true})
	return r
}

func (r *resources) of(ctx context.Context, kind schema.GroupVersionKind) (apiResource, error) {
	if found, ok := r.known.Load(kind); ok {
		return found.(apiResource), nil
	}
	var list *metav1.APIResourceList
	err := r.retry.do(ctx, "discovering "+kind.GroupVersion().String(), func(ctx context.Context) (err error) {
		list, err = r.discovery.ServerResourcesForGroupVersionWithContext(ctx, kind.GroupVersion().String())
		return err
	})
	if err != nil {
		return apiResource{}, fmt.Errorf("asking the API server which resource serves the kind %s of %s: %w", kind.Kind, kind.GroupVersion(), err)
	}
	for _, served := range list.APIResources {
		if served.Kind == kind.Kind && !strings.Contains(served.Name, "/") { // a slash marks a subresource
			found := apiResource{kind.GroupVersion().WithResource(served.Name), served.Namespaced}
			r.known.Store(kind, found)
			return found, nil
		}
	}
	return apiResource{}, fmt.Errorf("asking the API server which resource serves the kind %s of %s: it has no such kind", kind.Kind, kind.GroupVersion())
}

// client returns the dynamic client for a kind, in the driver's Kubernetes namespace if the kind has namespaces.
func (d *Driver) client(ctx context.Context, kind schema.GroupVersionKind) (dynamic.ResourceInterface, error) {
	found, err := d.resources.of(ctx, kind)
	if err != nil {
		return nil, err
	}
	if !found.namespaced {
		return d.dynamic.Resource(found.GroupVersionResource), nil
	}
	return d.dynamic.Resource(found.GroupVersionResource).Namespace(d.namespace), nil
}
