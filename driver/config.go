package driver

import "k8s.io/client-go/rest"

// Config says which cluster, which namespace and which templates.
type Config struct {
	Namespace     string         // Orchestra's namespace; scopes names, labels and Close; required
	KubeNamespace string         // Kubernetes namespace of every object; "" means what the templates say, else "default"
	Kubeconfig    string         // explicit file; beats everything but RESTConfig
	Context       string         // kubeconfig context; "" means the current one
	RESTConfig    *rest.Config   // for embedding; beats Kubeconfig; never changed
	TemplateDirs  []string       // layers over the built-in templates, later wins; "builtin:NAME" names a built-in overlay
	Values        map[string]any // merged over every layer's values.yaml
}
