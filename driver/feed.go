package driver

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
)

// feed keeps a store up to date with one kind of object: a list, then a watch from the list's resource version, for ever.
//
// client-go's reflector does the same for a cache of whole objects. This one says when it is cut off and when it is refused, takes
// answers of other requests in between, and stops within the time of a function call.
type feed struct {
	what   string // "pods in namespace x", for errors and the log
	list   func(context.Context, metav1.ListOptions) (runtime.Object, error)
	watch  func(context.Context, metav1.ListOptions) (watch.Interface, error)
	put    func(runtime.Object)
	remove func(runtime.Object)
	prune  func(listed map[types.UID]bool, version string)
	link   *link
	synced chan struct{} // closed when the first list is in
}

// Bounds of a feed.
const (
	listPage     = 500
	watchTimeout = 5 * time.Minute // to twice that: a server that has silently gone away is found out
	shortWatch   = time.Second
	retryFirst   = 100 * time.Millisecond
	retryMost    = 5 * time.Second
)

// run feeds until ctx ends. It waits a little longer after each failure, and starts anew with short waits after a watch that held.
func (f *feed) run(ctx context.Context) {
	var version string
	retry := retryFirst
	for ctx.Err() == nil {
		began := f.link.now()
		err := f.follow(ctx, &version)
		if apierrors.IsResourceExpired(err) || apierrors.IsGone(err) {
			version = "" // 410, in the stream or as the answer: what has happened since is no longer kept
		}
		if f.link.now().Sub(began) > retryMost {
			retry = retryFirst
		}
		_ = sleep(ctx, max(jitter(retry), retryAfter(err)))
		retry = min(2*retry, retryMost)
	}
}

// follow lists if version is "", then watches from version until the stream ends. It keeps version up to date.
func (f *feed) follow(ctx context.Context, version *string) error {
	if *version == "" {
		listed, err := f.relist(ctx)
		if err != nil {
			return f.lost(ctx, fmt.Errorf("listing %s: %w", f.what, err))
		}
		*version = listed
		f.link.up()
	}
	timeout := int64((watchTimeout + rand.N(watchTimeout)).Seconds())
	stream, err := f.watch(ctx, metav1.ListOptions{ResourceVersion: *version, AllowWatchBookmarks: true, TimeoutSeconds: &timeout})
	if err != nil {
		return f.lost(ctx, fmt.Errorf("watching %s: %w", f.what, err))
	}
	defer stream.Stop()
	return f.consume(ctx, stream, version)
}

// errShortWatch is how a watch ends that client-go could not even begin: for a connection that is closed or times out at once it
// returns an empty stream and no error (Request.Watch in rest/request.go).
var errShortWatch = errors.New("the connection was closed at once")

// consume takes in events until the stream ends. The link counts as up with the first event, or when the stream has held for
// shortWatch.
func (f *feed) consume(ctx context.Context, stream watch.Interface, version *string) error {
	held := time.NewTimer(shortWatch)
	defer held.Stop()
	proven := false
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-held.C:
			proven = true
			f.link.up()
		case event, open := <-stream.ResultChan():
			switch {
			case !open && proven:
				return nil // timeout or cut: the next watch goes on from version
			case !open:
				return f.lost(ctx, fmt.Errorf("watching %s: %w", f.what, errShortWatch))
			}
			if err := f.take(event, version); err != nil {
				return f.lost(ctx, fmt.Errorf("watching %s: %w", f.what, err))
			}
			proven = true
			f.link.up()
		}
	}
}

// lost notes that the feed is cut off, and hands the error on. A 410 is no loss of connection: the list follows at once.
func (f *feed) lost(ctx context.Context, err error) error {
	if ctx.Err() == nil && !apierrors.IsResourceExpired(err) && !apierrors.IsGone(err) {
		f.link.down(err)
	}
	return err
}

// take hands one event on.
func (f *feed) take(event watch.Event, version *string) error {
	if event.Type == watch.Error {
		return apierrors.FromObject(event.Object)
	}
	object, err := meta.Accessor(event.Object)
	if err != nil {
		return fmt.Errorf("reading a %s event: %w", event.Type, err)
	}
	switch event.Type {
	case watch.Added, watch.Modified:
		f.put(event.Object)
	case watch.Deleted:
		f.remove(event.Object)
	}
	*version = object.GetResourceVersion()
	return nil
}

// relist reads the newest state, page by page, and prunes what is no longer there. It asks for no resource version: a list
// "at least as new as 0" may come from a server that lags behind (KEP-2340).
func (f *feed) relist(ctx context.Context) (version string, err error) {
	listed := map[types.UID]bool{}
	options := metav1.ListOptions{Limit: listPage}
	for {
		page, err := f.list(ctx, options)
		if err != nil {
			return "", err
		}
		if err := meta.EachListItem(page, func(object runtime.Object) error {
			item, err := meta.Accessor(object)
			if err != nil {
				return err
			}
			listed[item.GetUID()] = true
			f.put(object)
			return nil
		}); err != nil {
			return "", err
		}
		head, err := meta.ListAccessor(page)
		if err != nil {
			return "", err
		}
		if options.Continue = head.GetContinue(); options.Continue == "" {
			f.prune(listed, head.GetResourceVersion())
			f.markSynced()
			return head.GetResourceVersion(), nil
		}
	}
}

func (f *feed) markSynced() {
	select {
	case <-f.synced:
	default:
		close(f.synced)
	}
}
