package driver

import (
	"context"
	"fmt"
	"sync"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// showPause is how long WatchTasks gathers changes, so that a hundred tasks that start together are a few calls and not a hundred.
const showPause = 100 * time.Millisecond

// WatchTasks calls show with what Tasks returns, at once and after every change, until ctx ends; then it returns nil. Calls follow one
// another and may skip states. While the API server cannot be reached nothing is shown and WatchTasks goes on trying; a refusal is an error.
func (d *Driver) WatchTasks(ctx context.Context, show func([]TaskInfo)) error {
	ctx, leave, err := d.enter(ctx)
	if err != nil {
		return fmt.Errorf("watching tasks: %w", err)
	}
	defer leave()
	table := newTaskTable(d)
	pods, jobs := d.podTableFeed(table), d.jobTableFeed(table)
	if _, err := jobs.relist(ctx); d.mayNot(jobKind, err) {
		jobs = nil
	}
	ctx, cancel := context.WithCancel(ctx)
	var feeds sync.WaitGroup
	defer feeds.Wait()
	defer cancel()
	feeds.Go(func() { pods.run(ctx) })
	links := []*link{pods.link}
	if jobs != nil {
		feeds.Go(func() { jobs.run(ctx) })
		links = append(links, jobs.link)
	}
	if err := showChanges(ctx, table, pods.synced, links, show); err != nil {
		return fmt.Errorf("watching tasks in namespace %q: %w", d.namespace, err)
	}
	return nil
}

// showChanges shows the table whenever it has changed, from the first list of pods on.
func showChanges(ctx context.Context, table *taskTable, synced <-chan struct{}, links []*link, show func([]TaskInfo)) error {
	for first := true; ; {
		news, err := links[0].forbidden()
		for _, other := range links[1:] {
			if err == nil {
				_, err = other.forbidden()
			}
		}
		if err != nil {
			return err
		}
		changed := table.changed
		if first {
			changed = nil
		} else {
			synced = nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-news:
			continue
		case <-changed:
			if sleep(ctx, showPause) != nil {
				return nil
			}
		case <-synced:
			first = false
		}
		show(table.tasks())
	}
}

func (d *Driver) podTableFeed(table *taskTable) *feed {
	pods := d.watch.podFeed(make(chan struct{}))
	pods.link = newLink(d.now, d.log.With("kind", kindPod))
	pods.put = func(object runtime.Object) { table.putPod(object.(*corev1.Pod)) }
	pods.remove = func(object runtime.Object) { table.remove(object.(*corev1.Pod).UID) }
	pods.prune = table.prunePods
	return pods
}

func (d *Driver) jobTableFeed(table *taskTable) *feed {
	jobs := d.watch.jobFeed(make(chan struct{}))
	jobs.link = newLink(d.now, d.log.With("kind", kindJob))
	jobs.put = func(object runtime.Object) { table.putJob(object.(*batchv1.Job)) }
	jobs.remove = func(object runtime.Object) { table.remove(object.(*batchv1.Job).UID) }
	jobs.prune = table.pruneJobs
	return jobs
}
