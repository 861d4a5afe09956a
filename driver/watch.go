package driver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
)

// podWatch is the driver's one view of all its pods: every Status, Wait and Cleanup is answered from it, without a request. It is
// safe for concurrent use, does nothing before start, and is ended by close.
type podWatch struct {
	client    kubernetes.Interface // protobuf: a tenth of the cost of JSON
	namespace string
	selector  string
	log       *slog.Logger
	limits    deadlines
	store     *podStore
	link      *link // of the pods
	jobLink   *link

	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu         sync.Mutex
	podsSynced chan struct{} // nil before start
	jobsSynced chan struct{} // nil until there is a Job to watch
}

func newPodWatch(client kubernetes.Interface, namespace, selector string, log *slog.Logger) *podWatch {
	ctx, cancel := context.WithCancel(quiet(context.Background()))
	w := &podWatch{
		client: client, namespace: namespace, selector: selector, log: log,
		store: newPodStore(time.Now), ctx: ctx, cancel: cancel,
		limits: deadlines{unsettled: stdinSettledAfter},
	}
	w.link = newLink(w.store.now, log.With("kind", kindPod))
	w.jobLink = newLink(w.store.now, log.With("kind", kindJob))
	return w
}

// start begins to watch, the first time, and returns when the first list is in, so that a task that is not known does not exist.
// It goes on trying while the API server cannot be reached; it returns an error when ctx or the watch ends, or when the server
// refuses the list.
func (w *podWatch) start(ctx context.Context) error {
	w.mu.Lock()
	if w.podsSynced == nil && w.ctx.Err() == nil {
		w.podsSynced = make(chan struct{})
		w.run(w.podFeed(w.podsSynced))
		w.wg.Go(func() { newEnforcer(w).run(w.ctx) })
	}
	synced := w.podsSynced
	w.mu.Unlock()
	return w.await(ctx, synced)
}

// startWithin is start for who has an error to return when the list does not come.
func (w *podWatch) startWithin(ctx context.Context, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return w.start(ctx)
}

// startJobs begins to watch Jobs, which a driver without any does not.
func (w *podWatch) startJobs() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.jobsSynced == nil && w.ctx.Err() == nil {
		w.jobsSynced = make(chan struct{})
		w.run(w.jobFeed(w.jobsSynced))
	}
}

// run starts a feed in the background.
func (w *podWatch) run(f *feed) {
	w.wg.Go(func() { f.run(w.ctx) })
}

// await waits until the first list is in.
func (w *podWatch) await(ctx context.Context, synced <-chan struct{}) error {
	for w.ctx.Err() == nil {
		news, err := w.link.forbidden()
		if err != nil {
			return err
		}
		select {
		case <-synced:
			return nil
		case <-ctx.Done():
			return errors.Join(ctx.Err(), w.link.last())
		case <-w.ctx.Done():
		case <-news:
		}
	}
	return ErrClosed
}

// seed takes in a pod as an answer to another request showed it, so that who has just made a pod also sees it, and keeps what
// becomes of it until forget.
func (w *podWatch) seed(pod *corev1.Pod) {
	r := recordOf(pod)
	w.store.hold(r.workload)
	w.store.put(r)
}

// seedJob is seed for a Job. It starts the watch of Jobs, without waiting for its list.
func (w *podWatch) seedJob(job *batchv1.Job) {
	j := jobRecordOf(job)
	w.store.hold(j.workload)
	w.store.putJob(j)
	w.startJobs()
}

// get returns the record of a workload.
func (w *podWatch) get(workload types.UID) (record, bool) { return w.store.get(workload) }

// forget drops a workload that nobody will ask about again. Who waits for it gets its last record, or errForgotten.
func (w *podWatch) forget(workload types.UID) { w.store.forget(workload) }

// wait returns the first record of the workload for which cond is true, or that is done. It makes no request and needs a started
// watch. It waits across losses of the connection; a refusal by the server, the end of ctx, forget and close end it.
func (w *podWatch) wait(ctx context.Context, workload types.UID, cond func(record) bool) (record, error) {
	return w.until(ctx, workload, func(r record) bool { return r.status.done || cond(r) })
}

// waitGone returns when no object of the workload is left: neither the Pod, nor the Job and its pods.
func (w *podWatch) waitGone(ctx context.Context, workload types.UID) error {
	_, err := w.until(ctx, workload, func(record) bool { return w.store.isGone(workload) })
	if errors.Is(err, errForgotten) {
		return nil
	}
	return err
}

// errForgotten: Cleanup was called here, or the workload was gone before the driver first saw it.
var errForgotten = errors.New("it is gone")

func (w *podWatch) until(ctx context.Context, workload types.UID, cond func(record) bool) (record, error) {
	known := w.store.find(workload)
	if known == nil {
		return record{}, errForgotten
	}
	for {
		seen, last, changed := w.store.look(known)
		switch {
		case seen.workload != "" && cond(seen):
			return seen, nil
		case last:
			return seen, errForgotten
		}
		link := w.link
		if seen.kind == kindJob && link.last() == nil {
			link = w.jobLink
		}
		news, err := link.forbidden()
		if err != nil {
			return seen, err
		}
		select {
		case <-changed:
		case <-news:
		case <-ctx.Done():
			return seen, ctx.Err()
		case <-w.ctx.Done():
			return seen, ErrClosed
		}
	}
}

// stale is an error when what is known of a kind of workload should not be trusted any longer.
func (w *podWatch) stale(kind string) error {
	err := w.link.stale()
	if err == nil && kind == kindJob {
		err = w.jobLink.stale()
	}
	return err
}

// close stops everything and waits until it has stopped. What is known stays readable.
func (w *podWatch) close() {
	w.mu.Lock()
	w.cancel()
	w.mu.Unlock()
	w.wg.Wait()
}

func (w *podWatch) podFeed(synced chan struct{}) *feed {
	pods := w.client.CoreV1().Pods(w.namespace)
	return &feed{
		what: fmt.Sprintf("pods in namespace %q", w.namespace), link: w.link, synced: synced,
		list: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			o.LabelSelector = w.selector
			return pods.List(ctx, o)
		},
		watch: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			o.LabelSelector = w.selector
			return pods.Watch(ctx, o)
		},
		put:    func(object runtime.Object) { w.store.put(recordOf(object.(*corev1.Pod))) },
		remove: func(object runtime.Object) { w.store.remove(recordOf(object.(*corev1.Pod))) },
		prune:  w.store.prune,
	}
}

func (w *podWatch) jobFeed(synced chan struct{}) *feed {
	jobs := w.client.BatchV1().Jobs(w.namespace)
	return &feed{
		what: fmt.Sprintf("jobs in namespace %q", w.namespace), link: w.jobLink, synced: synced,
		list: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			o.LabelSelector = w.selector
			return jobs.List(ctx, o)
		},
		watch: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			o.LabelSelector = w.selector
			return jobs.Watch(ctx, o)
		},
		put:    func(object runtime.Object) { w.store.putJob(jobRecordOf(object.(*batchv1.Job))) },
		remove: func(object runtime.Object) { w.store.removeJob(jobRecordOf(object.(*batchv1.Job))) },
		prune:  w.store.pruneJobs,
	}
}
