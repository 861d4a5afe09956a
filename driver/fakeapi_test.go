package driver

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// fakeAPI is an API server for pods that keeps the rules of lists and watches, and breaks the connection on demand.
type fakeAPI struct {
	t      *testing.T
	server *httptest.Server

	mu       sync.Mutex
	version  int
	pods     map[string]*corev1.Pod
	history  []fakeEvent
	oldest   int           // watches from before it are answered with 410
	news     chan struct{} // closed at every change
	cuts     chan struct{} // closed to cut every watch
	refuse   int           // HTTP status of every answer, if not 0
	requests []string
	slam     bool            // the connection of every watch is closed at once
	held     *corev1.PodList // the answer of every list, if not nil
}

type fakeEvent struct {
	version int
	Type    string `json:"type"`
	Object  any    `json:"object"`
}

func newFakeAPI(t *testing.T) *fakeAPI {
	f := &fakeAPI{t: t, version: 100, pods: map[string]*corev1.Pod{}, news: make(chan struct{}), cuts: make(chan struct{})}
	f.server = httptest.NewServer(f)
	t.Cleanup(func() {
		f.cut()
		f.server.Close()
	})
	return f
}

func (f *fakeAPI) client() kubernetes.Interface {
	client, err := kubernetes.NewForConfig(&rest.Config{Host: f.server.URL, QPS: -1})
	require.NoError(f.t, err)
	return client
}

// set creates or changes a pod and returns it as an answer to the request would show it.
func (f *fakeAPI) set(pod corev1.Pod) *corev1.Pod {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.store("", pod)
}

func (f *fakeAPI) store(kind string, pod corev1.Pod) *corev1.Pod {
	f.version++
	pod.Namespace, pod.ResourceVersion = "ns", strconv.Itoa(f.version)
	pod.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}
	if kind == "" {
		kind = "ADDED"
		if _, ok := f.pods[pod.Name]; ok {
			kind = "MODIFIED"
		}
	}
	f.pods[pod.Name] = &pod
	if kind == "DELETED" {
		delete(f.pods, pod.Name)
	}
	f.event(kind, &pod)
	return pod.DeepCopy()
}

// remove deletes a pod.
func (f *fakeAPI) remove(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.store("DELETED", *f.pods[name])
}

// bookmark tells watches the current version.
func (f *fakeAPI) bookmark() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.version++
	f.event("BOOKMARK", &corev1.Pod{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}, ObjectMeta: metav1.ObjectMeta{ResourceVersion: strconv.Itoa(f.version)}})
}

// fail sends a Status into every watch.
func (f *fakeAPI) fail(code int, reason metav1.StatusReason) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.event("ERROR", failureStatus(code, reason))
}

func (f *fakeAPI) event(kind string, object any) {
	f.history = append(f.history, fakeEvent{version: f.version, Type: kind, Object: object})
	close(f.news)
	f.news = make(chan struct{})
}

// cut ends every watch in the middle.
func (f *fakeAPI) cut() {
	f.mu.Lock()
	defer f.mu.Unlock()
	close(f.cuts)
	f.cuts = make(chan struct{})
}

// compact forgets the history: a watch from before gets 410.
func (f *fakeAPI) compact() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.oldest = f.version
}

func (f *fakeAPI) answer(code int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refuse = code
}

// slamWatches closes the connection of every watch at once, or no longer.
func (f *fakeAPI) slamWatches(slam bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.slam = slam
}

// holdLists makes lists show the present for ever, as a server does that lags behind.
func (f *fakeAPI) holdLists() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.held = f.list()
}

func (f *fakeAPI) seen(prefix string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, request := range f.requests {
		if strings.HasPrefix(request, prefix) {
			n++
		}
	}
	return n
}

func (f *fakeAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	watching := r.URL.Query().Get("watch") != ""
	request := r.Method + " " + r.URL.Path
	if watching {
		request = "WATCH " + r.URL.Path
	}
	f.requests = append(f.requests, request)
	refuse, slam, cuts, from := f.refuse, f.slam && watching, f.cuts, 0
	if watching {
		from, _ = strconv.Atoi(r.URL.Query().Get("resourceVersion"))
		if from < f.oldest {
			refuse = http.StatusGone
		}
	}
	f.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	switch {
	case slam:
		panic(http.ErrAbortHandler)
	case refuse != 0:
		f.write(w, refuse, failureStatus(refuse, reasonOf(refuse)))
	case watching:
		f.stream(w, r, from, cuts)
	case strings.HasSuffix(r.URL.Path, "/events"):
		f.write(w, http.StatusOK, &corev1.EventList{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "EventList"}, Items: []corev1.Event{mountEvent()}})
	case r.Method == http.MethodGet:
		f.mu.Lock()
		list := f.held
		if list == nil {
			list = f.list()
		}
		f.mu.Unlock()
		f.write(w, http.StatusOK, list)
	default:
		f.change(w, r)
	}
}

func (f *fakeAPI) list() *corev1.PodList {
	list := &corev1.PodList{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "PodList"}, ListMeta: metav1.ListMeta{ResourceVersion: strconv.Itoa(f.version)}}
	for _, pod := range f.pods {
		list.Items = append(list.Items, *pod)
	}
	return list
}

func (f *fakeAPI) stream(w http.ResponseWriter, r *http.Request, from int, cuts <-chan struct{}) {
	next := 0
	w.WriteHeader(http.StatusOK)
	w.(http.Flusher).Flush()
	for {
		f.mu.Lock()
		news := f.news
		for ; next < len(f.history); next++ {
			if event := f.history[next]; event.version > from || event.Type == "ERROR" && event.version >= from {
				_ = json.NewEncoder(w).Encode(event)
			}
		}
		f.mu.Unlock()
		w.(http.Flusher).Flush()
		select {
		case <-news:
		case <-cuts:
			return
		case <-r.Context().Done():
			return
		}
	}
}

// change serves PATCH (annotations, activeDeadlineSeconds, with the resource version as a condition) and DELETE of a pod.
func (f *fakeAPI) change(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	name := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
	pod, ok := f.pods[name]
	if !ok {
		f.write(w, http.StatusNotFound, failureStatus(http.StatusNotFound, metav1.StatusReasonNotFound))
		return
	}
	body, _ := io.ReadAll(r.Body)
	var condition struct {
		Metadata struct {
			ResourceVersion string            `json:"resourceVersion"`
			Annotations     map[string]string `json:"annotations"`
		} `json:"metadata"`
		Spec struct {
			ActiveDeadlineSeconds *int64 `json:"activeDeadlineSeconds"`
		} `json:"spec"`
		Preconditions metav1.Preconditions `json:"preconditions"`
	}
	_ = json.Unmarshal(body, &condition)
	if rv := condition.Preconditions.ResourceVersion; rv != nil {
		condition.Metadata.ResourceVersion = *rv
	}
	if rv := condition.Metadata.ResourceVersion; rv != "" && rv != pod.ResourceVersion {
		f.write(w, http.StatusConflict, failureStatus(http.StatusConflict, metav1.StatusReasonConflict))
		return
	}
	if r.Method == http.MethodDelete {
		f.write(w, http.StatusOK, f.store("DELETED", *pod))
		return
	}
	changed := pod.DeepCopy()
	changed.Annotations = condition.Metadata.Annotations
	changed.Spec.ActiveDeadlineSeconds = condition.Spec.ActiveDeadlineSeconds
	f.write(w, http.StatusOK, f.store("MODIFIED", *changed))
}

func (f *fakeAPI) write(w http.ResponseWriter, code int, object any) {
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(object)
}

func failureStatus(code int, reason metav1.StatusReason) *metav1.Status {
	return &metav1.Status{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: metav1.StatusFailure, Code: int32(code), Reason: reason,
		Message: fmt.Sprintf("the fake server says %d", code),
	}
}

func reasonOf(code int) metav1.StatusReason {
	switch code {
	case http.StatusGone:
		return metav1.StatusReasonExpired
	case http.StatusForbidden:
		return metav1.StatusReasonForbidden
	}
	return metav1.StatusReasonInternalError
}

func mountEvent() corev1.Event {
	return corev1.Event{Reason: "FailedMount", Type: corev1.EventTypeWarning, Message: `MountVolume.SetUp failed for volume "data" : secret "absent" not found`}
}
