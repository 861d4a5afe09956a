package driver

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// put takes in a pod's new record, unless a newer one is known: answers and events overtake each other.
func (s *podStore) put(r record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.ensure(r.workload)
	now := s.now()
	at := slices.IndexFunc(w.pods, func(old record) bool { return old.podUID == r.podUID })
	switch {
	case at < 0:
		r.since = now
		w.pods = append(w.pods, r.observe(time.Time{}, now))
		slices.SortStableFunc(w.pods, func(a, b record) int { return a.created.Compare(b.created) })
	case w.pods[at].gone || newer(w.pods[at].version, r.version):
		return
	default:
		w.pods[at] = r.after(w.pods[at], now)
	}
	w.wake()
}

// putJob is put for a Job.
func (s *podStore) putJob(j jobRecord) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.ensure(j.workload)
	now := s.now()
	switch {
	case w.job == nil:
		j.since = now
		j.record = j.observe(time.Time{}, now)
	case w.job.gone || newer(w.job.version, j.version):
		return
	default:
		j.record = j.after(w.job.record, now)
	}
	w.job = &j
	w.wake()
}

// remove takes in that a pod's object is gone; r is its last state.
func (s *podStore) remove(r record) {
	s.put(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.workloads[r.workload]
	if w == nil {
		return
	}
	for i := range w.pods {
		if w.pods[i].podUID == r.podUID {
			w.pods[i] = w.pods[i].vanished()
		}
	}
	s.settle(r.workload, w)
}

// removeJob is remove for a Job.
func (s *podStore) removeJob(j jobRecord) {
	s.putJob(j)
	s.mu.Lock()
	defer s.mu.Unlock()
	if w := s.workloads[j.workload]; w != nil {
		w.job.gone, w.job.stage = true, stageOver
		s.settle(j.workload, w)
	}
}

// prune removes the pods that a list of the given version does not have. Those that are newer than the list stay: the list
// may be older than the answer that brought them.
func (s *podStore) prune(listed map[types.UID]bool, version string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for uid, w := range s.workloads {
		for i, r := range w.pods {
			if !r.gone && !listed[r.podUID] && !newer(r.version, version) {
				w.pods[i] = r.vanished()
				s.settle(uid, w)
			}
		}
	}
}

// pruneJobs is prune for Jobs.
func (s *podStore) pruneJobs(listed map[types.UID]bool, version string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for uid, w := range s.workloads {
		if w.job != nil && !w.job.gone && !listed[uid] && !newer(w.job.version, version) {
			w.job.gone, w.job.stage = true, stageOver
			s.settle(uid, w)
		}
	}
}

// note replaces a status that says nothing by what the cluster's events say, and remembers when they were asked.
func (s *podStore) note(r record, found status) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.workloads[r.workload]
	if w == nil {
		return
	}
	now := s.now()
	target := &record{}
	if r.pod == "" && w.job != nil {
		target = &w.job.record
	}
	for i := range w.pods {
		if w.pods[i].podUID == r.podUID {
			target = &w.pods[i]
		}
	}
	target.asked = now
	if found.message != "" && !target.status.done && (target.noted || target.status.message == "") {
		target.status, target.noted = found, true
		*target = target.observe(target.troubled, now)
		w.wake()
	}
}
