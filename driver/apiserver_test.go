package driver

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/orchestra-ci/orchestra-k8s/render"
)

// apiServer is a small API server in memory: enough of apply, get, list, watch and delete to test what the driver does when
// answers get lost, objects are in the way, and deletions take their time. That the real one behaves like this is tested on
// the real one (launch_cluster_test.go).
type apiServer struct {
	*httptest.Server
	mu       sync.Mutex
	changed  *sync.Cond
	version  int64
	objects  map[string]*unstructured.Unstructured // by path
	events   []event
	lingers  bool   // deletions take until vanish is called
	refused  string // collection in which nothing can be created
	requests []string
	closed   bool
}

type event struct {
	version    int64
	collection string
	kind       string
	object     []byte
}

func newAPIServer(t *testing.T) *apiServer {
	s := &apiServer{objects: map[string]*unstructured.Unstructured{}, version: 1}
	s.changed = sync.NewCond(&s.mu)
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(func() {
		s.mu.Lock()
		s.closed = true
		s.changed.Broadcast()
		s.mu.Unlock()
		s.CloseClientConnections()
		s.Close()
	})
	return s
}

func (s *apiServer) config() *rest.Config { return &rest.Config{Host: s.URL} }

func (s *apiServer) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.requests = append(s.requests, r.Method+" "+r.URL.Path)
	s.mu.Unlock()
	switch {
	case r.URL.Path == "/version":
		answer(w, http.StatusOK, map[string]any{"gitVersion": "v1.37.2"})
	case r.URL.Path == "/api/v1":
		answer(w, http.StatusOK, metav1.APIResourceList{
			TypeMeta: metav1.TypeMeta{Kind: "APIResourceList"}, GroupVersion: "v1",
			APIResources: []metav1.APIResource{{Name: "configmaps", Kind: "ConfigMap", Namespaced: true}, {Name: "namespaces", Kind: "Namespace"}},
		})
	case r.Header.Get("Content-Type") == string(types.MergePatchType):
		s.merge(w, r)
	case r.Method == http.MethodPatch:
		s.apply(w, r)
	case r.Method == http.MethodDelete:
		s.remove(w, r)
	case r.URL.Query().Get("watch") != "":
		s.watch(w, r)
	case isCollection(r.URL.Path):
		s.list(w, r)
	default:
		s.get(w, r)
	}
}

var apiRoot = regexp.MustCompile(`^(/api|/apis/[^/]+)/v1`)

// isCollection tells /api/v1/namespaces/x/pods from /api/v1/namespaces/x/pods/y.
func isCollection(path string) bool {
	return strings.Count(apiRoot.ReplaceAllString(path, ""), "/") == 3
}

func (s *apiServer) apply(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var wanted unstructured.Unstructured
	if err := json.NewDecoder(r.Body).Decode(&wanted.Object); err != nil {
		refuse(w, http.StatusBadRequest, metav1.StatusReasonBadRequest, err.Error())
		return
	}
	if s.objects[r.URL.Path] != nil {
		refuse(w, http.StatusConflict, metav1.StatusReasonConflict, "the object has been modified")
		return
	}
	if s.refused != "" && strings.Contains(r.URL.Path, s.refused) {
		refuse(w, http.StatusUnprocessableEntity, metav1.StatusReasonInvalid, "spec: Invalid value")
		return
	}
	wanted.SetUID(types.UID(fmt.Sprintf("uid-%d", s.version+1)))
	wanted.SetCreationTimestamp(metav1.Now())
	s.store(r.URL.Path, "ADDED", &wanted)
	if wanted.GetKind() == "Namespace" { // its service account is made by the controller manager
		account := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "ServiceAccount"}}
		account.SetName("default")
		s.store(r.URL.Path+"/serviceaccounts/default", "ADDED", account)
	}
	answer(w, http.StatusCreated, wanted.Object)
}

func (s *apiServer) merge(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	obj := s.objects[r.URL.Path]
	if obj == nil {
		refuse(w, http.StatusNotFound, metav1.StatusReasonNotFound, r.URL.Path+" not found")
		return
	}
	var patch map[string]any
	_ = json.NewDecoder(r.Body).Decode(&patch)
	if uid, ok, _ := unstructured.NestedString(patch, "metadata", "uid"); ok && uid != string(obj.GetUID()) {
		refuse(w, http.StatusConflict, metav1.StatusReasonConflict, "the UID does not match")
		return
	}
	obj = obj.DeepCopy()
	overlay(obj.Object, patch)
	s.store(r.URL.Path, "MODIFIED", obj)
	answer(w, http.StatusOK, obj.Object)
}

// overlay is RFC 7386, but for lists.
func overlay(onto, patch map[string]any) {
	for key, value := range patch {
		inner, isMap := value.(map[string]any)
		below, hasMap := onto[key].(map[string]any)
		switch {
		case value == nil:
			delete(onto, key)
		case isMap && hasMap:
			overlay(below, inner)
		default:
			onto[key] = value
		}
	}
}

func (s *apiServer) get(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if obj := s.objects[r.URL.Path]; obj != nil {
		answer(w, http.StatusOK, obj.Object)
		return
	}
	refuse(w, http.StatusNotFound, metav1.StatusReasonNotFound, r.URL.Path+" not found")
}

func (s *apiServer) remove(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var options metav1.DeleteOptions
	_ = json.NewDecoder(r.Body).Decode(&options)
	obj := s.objects[r.URL.Path]
	switch {
	case obj == nil:
		refuse(w, http.StatusNotFound, metav1.StatusReasonNotFound, r.URL.Path+" not found")
	case options.Preconditions == nil || *options.Preconditions.UID != obj.GetUID():
		refuse(w, http.StatusConflict, metav1.StatusReasonConflict, "the UID in the precondition does not match")
	case s.lingers:
		now := metav1.NewTime(time.Now())
		obj = obj.DeepCopy()
		obj.SetDeletionTimestamp(&now)
		s.store(r.URL.Path, "MODIFIED", obj)
		answer(w, http.StatusOK, obj.Object)
	default:
		if obj.GetKind() == "Namespace" {
			delete(s.objects, r.URL.Path+"/serviceaccounts/default")
		}
		s.store(r.URL.Path, "DELETED", obj.DeepCopy())
		answer(w, http.StatusOK, obj.Object)
	}
}

// start makes a pod's container run, as a kubelet would.
func (s *apiServer) start(path string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	pod := s.objects[path].DeepCopy()
	pod.Object["status"] = map[string]any{"phase": "Running", "containerStatuses": []any{
		map[string]any{"name": render.TaskContainer, "state": map[string]any{"running": map[string]any{}}},
	}}
	s.store(path, "MODIFIED", pod)
}

// vanish ends a deletion that lingers, or removes an object as someone else would.
func (s *apiServer) vanish(path string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if obj := s.objects[path]; obj != nil {
		s.store(path, "DELETED", obj.DeepCopy())
	}
}

// put stores an object as someone else would.
func (s *apiServer) put(path string, obj *unstructured.Unstructured) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.store(path, "ADDED", obj.DeepCopy())
}

func (s *apiServer) store(at, kind string, obj *unstructured.Unstructured) {
	s.version++
	obj.SetResourceVersion(strconv.FormatInt(s.version, 10))
	s.objects[at] = obj
	if kind == "DELETED" {
		delete(s.objects, at)
	}
	data, _ := json.Marshal(obj.Object)
	s.events = append(s.events, event{s.version, path.Dir(at), kind, data})
	s.changed.Broadcast()
}

// listKinds are the apiVersion and kind of the lists of each resource.
var listKinds = map[string][2]string{
	"pods":                   {"v1", "PodList"},
	"jobs":                   {"batch/v1", "JobList"},
	"configmaps":             {"v1", "ConfigMapList"},
	"persistentvolumeclaims": {"v1", "PersistentVolumeClaimList"},
	"leases":                 {"coordination.k8s.io/v1", "LeaseList"},
}

func (s *apiServer) list(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	selector, _ := labels.Parse(r.URL.Query().Get("labelSelector"))
	items := []any{}
	for at, obj := range s.objects {
		if strings.HasPrefix(at, r.URL.Path+"/") && selector.Matches(labels.Set(obj.GetLabels())) {
			items = append(items, obj.Object)
		}
	}
	served := listKinds[path.Base(r.URL.Path)]
	answer(w, http.StatusOK, map[string]any{
		"apiVersion": served[0], "kind": served[1], "metadata": map[string]any{"resourceVersion": strconv.FormatInt(s.version, 10)}, "items": items,
	})
}

func (s *apiServer) watch(w http.ResponseWriter, r *http.Request) {
	since, _ := strconv.ParseInt(r.URL.Query().Get("resourceVersion"), 10, 64)
	w.Header().Set("Content-Type", "application/json")
	flush := http.NewResponseController(w)
	_ = flush.Flush()
	stop := make(chan struct{})
	defer close(stop)
	go func() { // wakes the loop below when the client has gone
		select {
		case <-r.Context().Done():
		case <-stop:
		}
		s.changed.Broadcast()
	}()
	for {
		s.mu.Lock()
		for s.version <= since && !s.closed && r.Context().Err() == nil {
			s.changed.Wait()
		}
		if s.closed || r.Context().Err() != nil {
			s.mu.Unlock()
			return
		}
		for _, e := range s.events {
			if e.version > since && e.collection == r.URL.Path {
				_, _ = fmt.Fprintf(w, `{"type":%q,"object":%s}`+"\n", e.kind, e.object)
			}
		}
		since = s.version
		s.mu.Unlock()
		_ = flush.Flush()
	}
}

// seen counts the requests of a method whose path ends in suffix.
func (s *apiServer) seen(method, suffix string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, request := range s.requests {
		if strings.HasPrefix(request, method+" ") && strings.HasSuffix(request, suffix) {
			n++
		}
	}
	return n
}

// paths lists what exists, in alphabetical order.
func (s *apiServer) paths() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.objects))
}

func answer(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body)
}

func refuse(w http.ResponseWriter, code int, reason metav1.StatusReason, message string) {
	answer(w, code, metav1.Status{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: metav1.StatusFailure, Code: int32(code), Reason: reason, Message: message,
	})
}
