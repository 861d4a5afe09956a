package render

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/validation"
)

// Config says what a Set is made of.
type Config struct {
	Layers        []Layer        // at least the built-in defaults
	Values        map[string]any // merged over every layer's values.yaml
	Namespace     string         // Orchestra's namespace; required
	KubeNamespace string         // "": what namespace.yaml or the value `namespace` says, else "default"
}

// Set is a parsed, checked set of templates for one Orchestra namespace. It is immutable and safe for concurrent use.
type Set struct {
	namespace     string
	kubeNamespace string
	sources       *sources
	layers        [][]file
	values        map[string]any
	schema        *schema

	metadata        struct{ labels, annotations map[string]string } // the platform's, for every object
	users           map[string]string
	defaults        ResourceData
	requestsPercent int64
	settings        Settings
	kinds           []Kind

	marked    func() []marked // for positions in errors; made once, if at all
	canBind   bool            // no template or value uses the plane of the disguise
	binders   sync.Pool       // of *engine: for bound renderings
	plain     sync.Pool       // of *engine
	disguised [4]sync.Pool    // of *engine: by plane, then by plane with empty strings
}

// Rendered is everything that one task (or sandbox, or copy pod) needs, to be applied in order: Extras, then Workload.
// The objects carry name, namespace, labels and annotations; the caller may change them freely.
type Rendered struct {
	Workload *unstructured.Unstructured   // a Pod or a Job
	Extras   []*unstructured.Unstructured // in the order of their file names
	Claims   []string                     // names of the claims that the mounts refer to, in the order of Task.Mounts
	Digest   string                       // of the whole; also the workload's annotation AnnotationDigest
}

// New reads, parses, merges and checks all layers, and exercises the result with sample tasks, so that a template that
// could not work is refused here and not when the first task runs. All problems of one stage are reported at once.
// Nothing is parsed afterwards.
func New(cfg Config) (*Set, error) {
	if cfg.Namespace == "" {
		return nil, errors.New("loading templates: Namespace is empty; it scopes the names of all objects")
	}
	s := &Set{namespace: cfg.Namespace}
	if err := s.load(cfg); err != nil {
		return nil, err
	}
	if err := errors.Join(s.readValues(), s.chooseNamespace(cfg.KubeNamespace)); err != nil {
		return nil, err
	}
	return s, s.exercise()
}

func (s *Set) load(cfg Config) error {
	var all []file
	var problems []error
	for _, layer := range cfg.Layers {
		files, err := layer.read()
		problems = append(problems, err)
		s.layers = append(s.layers, files)
		all = append(all, files...)
	}
	var parseErr, schemaErr, valuesErr error
	s.sources, parseErr = parseLayers(s.layers)
	if s.schema, schemaErr = loadSchema(all); schemaErr == nil {
		s.values, valuesErr = loadValues(all, cfg.Values, s.schema)
	}
	if err := errors.Join(append(problems, parseErr, schemaErr, valuesErr)...); err != nil {
		return err
	}
	s.marked = sync.OnceValue(func() []marked { return markTrees(s.sources) })
	s.canBind = !usesPlane(all, s.values)
	s.binders = sync.Pool{New: func() any { return newBinder(s.sources.trees, s.sources.steps) }}
	s.plain = s.newPool(libraryFunctions, maxOutputBytes)
	for i, base := range planes {
		s.disguised[i] = s.newPool(maskedFunctions(mask{base: base}, libraryFunctions), maxMaskedBytes)
		s.disguised[len(planes)+i] = s.newPool(maskedFunctions(mask{base: base, empties: true}, libraryFunctions), maxMaskedBytes)
	}
	return nil
}

// readValues takes from the values, which are checked, what render itself needs.
func (s *Set) readValues() error {
	s.requestsPercent, _ = s.values["requestsPercent"].(int64)
	if s.requestsPercent == 0 {
		s.requestsPercent = 50
	}
	s.users = stringMap(s.values["users"])
	s.metadata.labels, s.metadata.annotations = stringMap(s.values["labels"]), stringMap(s.values["annotations"])
	var defaultsErr, settingsErr error
	s.defaults, defaultsErr = defaultResources(s.values)
	s.settings, settingsErr = newSettings(s.values)
	return errors.Join(defaultsErr, settingsErr)
}

// chooseNamespace decides the Kubernetes namespace: the caller's, else that of namespace.yaml, else the value, else "default".
func (s *Set) chooseNamespace(given string) error {
	s.kubeNamespace = given
	if given == "" && s.sources.has(namespaceFile) {
		s.kubeNamespace = s.dedicatedNamespace()
	}
	if s.kubeNamespace == "" {
		s.kubeNamespace, _ = s.values["namespace"].(string)
	}
	if s.kubeNamespace == "" {
		s.kubeNamespace = "default"
	}
	if problems := validation.IsDNS1123Label(s.kubeNamespace); problems != nil {
		return fmt.Errorf("loading templates: the Kubernetes namespace %q: %s", s.kubeNamespace, problems[0])
	}
	return nil
}

// KubeNamespace is the Kubernetes namespace of every namespaced object of this Set.
func (s *Set) KubeNamespace() string { return s.kubeNamespace }

// Users are, sorted, the names that a task's User may have beside "root", "uid" and "uid:gid" (value `users`).
func (s *Set) Users() []string { return slices.Sorted(maps.Keys(s.users)) }

// Kinds are the kinds of the extra objects that this Set makes for tasks, so that they can be found and deleted.
// They are learned from the sample tasks; a kind that only a particular task leads to is in that workload's AnnotationKinds.
func (s *Set) Kinds() []Kind { return s.kinds }

// Settings are the values that the driver itself reads.
func (s *Set) Settings() Settings { return s.settings }

func stringMap(value any) map[string]string {
	texts := map[string]string{}
	entries, _ := value.(map[string]any)
	for key, entry := range entries {
		texts[key], _ = entry.(string)
	}
	return texts
}
