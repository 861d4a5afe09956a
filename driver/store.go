package driver

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
)

// podStore holds the newest record of every task, and wakes who waits for one.
type podStore struct {
	now func() time.Time

	mu        sync.Mutex
	workloads map[types.UID]*workload
}

// workload is what is known of one Pod, or of one Job and its pods.
type workload struct {
	pods    []record      // in the order of their creation: the last one counts
	job     *jobRecord    // nil for a Pod
	held    bool          // this process has a handle of it, so it is kept after it is gone
	dropped bool          // forgotten; who waits still sees the last record
	changed chan struct{} // closed at the next change; nil while nobody waits
}

func newPodStore(now func() time.Time) *podStore {
	return &podStore{now: now, workloads: map[types.UID]*workload{}}
}

// view is the record that users of the watch see. ok is false if nothing is known.
func (w *workload) view() (seen record, ok bool) {
	var pod *record
	if len(w.pods) > 0 {
		pod = &w.pods[len(w.pods)-1]
	}
	switch {
	case w.job == nil && pod == nil:
		return record{}, false
	case w.job == nil:
		return *pod, true
	case pod == nil:
		seen = w.job.record
	default:
		seen = *pod
	}
	seen.status = statusOfJob(*w.job, pod)
	return seen, true
}

// hold keeps a workload until forget, also when it is gone: this process has a handle of it, and will ask how it ended.
func (s *podStore) hold(uid types.UID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ensure(uid).held = true
}

// find returns what waits for the changes of a workload: nil if nothing is known of it.
func (s *podStore) find(uid types.UID) *workload {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.workloads[uid]
}

// look returns the record of what find has returned, whether there will be no other, and a channel that is closed when it changes.
func (s *podStore) look(w *workload) (seen record, last bool, changed <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if w.changed == nil {
		w.changed = make(chan struct{})
	}
	seen, _ = w.view()
	return seen, w.dropped, w.changed
}

// get returns the record.
func (s *podStore) get(uid types.UID) (record, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if w := s.workloads[uid]; w != nil {
		return w.view()
	}
	return record{}, false
}

// forget drops what is kept of a workload. If it is still there, the next event brings it back.
func (s *podStore) forget(uid types.UID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if w := s.workloads[uid]; w != nil {
		s.drop(uid, w)
	}
}

func (s *podStore) drop(uid types.UID, w *workload) {
	delete(s.workloads, uid)
	w.dropped = true
	w.wake()
}

// all returns the records for which keep is true.
func (s *podStore) all(keep func(record) bool) []record {
	s.mu.Lock()
	defer s.mu.Unlock()
	var kept []record
	for _, w := range s.workloads {
		if seen, ok := w.view(); ok && keep(seen) {
			kept = append(kept, seen)
		}
	}
	slices.SortFunc(kept, func(a, b record) int { return cmp.Compare(a.workload, b.workload) })
	return kept
}

// isGone reports whether no object of the workload is known to be left.
func (s *podStore) isGone(uid types.UID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.workloads[uid]
	return w == nil || w.isGone()
}

func (s *podStore) ensure(uid types.UID) *workload {
	w := s.workloads[uid]
	if w == nil {
		w = &workload{}
		s.workloads[uid] = w
	}
	return w
}

// settle wakes the waiting, and drops a workload that is gone and that nobody here has a handle of.
func (s *podStore) settle(uid types.UID, w *workload) {
	w.wake()
	if !w.held && w.isGone() {
		s.drop(uid, w)
	}
}

// isGone reports whether neither a Job nor a pod is left.
func (w *workload) isGone() bool {
	if w.job != nil && !w.job.gone {
		return false
	}
	return !slices.ContainsFunc(w.pods, func(r record) bool { return !r.gone })
}

func (w *workload) wake() {
	if w.changed != nil {
		close(w.changed)
		w.changed = nil
	}
}

// newer reports whether resourceVersion a is later than b. Versions of one resource are decimal numbers that can be compared (KEP-5504).
func newer(a, b string) bool {
	order, err := resourceversion.CompareResourceVersion(a, b)
	return err == nil && order > 0
}
