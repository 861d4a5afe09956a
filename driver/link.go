package driver

import (
	"fmt"
	"log/slog"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// How long a link may be down before what depends on it says so instead of answering from memory.
const (
	staleAfter   = 30 * time.Second
	refusedAfter = 3 * time.Second // a server that has just started may refuse for a moment, until it has read its roles
)

// link is the state of the connection that a feed lives on. It is safe for concurrent use.
type link struct {
	now func() time.Time
	log *slog.Logger

	mu      sync.Mutex
	err     error     // nil while the link is up
	since   time.Time // when it went down
	refused time.Time // since when the server has been answering 401 or 403; zero if it is not
	changed chan struct{}
}

func newLink(now func() time.Time, log *slog.Logger) *link {
	return &link{now: now, log: log, changed: make(chan struct{})}
}

// up notes that the server answers. It is called often.
func (l *link) up() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil {
		return
	}
	l.log.Info("watch is connected again", "after", l.now().Sub(l.since).Round(time.Millisecond), "because", l.err)
	l.err, l.since, l.refused = nil, time.Time{}, time.Time{}
	l.wake()
}

// down notes that a request failed.
func (l *link) down(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil {
		l.since = l.now()
		l.log.Warn("watch is not connected; trying again", "err", err)
	}
	l.err = err
	switch {
	case !apierrors.IsForbidden(err) && !apierrors.IsUnauthorized(err):
		l.refused = time.Time{}
	case l.refused.IsZero():
		l.refused = l.now()
	}
	l.wake()
}

// wake tells whoever waits that there is news.
func (l *link) wake() {
	close(l.changed)
	l.changed = make(chan struct{})
}

// stale is an error when the link has been down for so long that what is known from it should not be trusted.
func (l *link) stale() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if down := l.now().Sub(l.since); l.err != nil && down >= staleAfter {
		return fmt.Errorf("not connected for %s: %w", down.Round(time.Second), l.err)
	}
	return l.refusal()
}

// forbidden is an error when the server has been refusing the driver for longer than a start of it explains. news is closed when
// the answer may be another one.
func (l *link) forbidden() (news <-chan struct{}, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.changed, l.refusal()
}

func (l *link) refusal() error {
	if l.refused.IsZero() || l.now().Sub(l.refused) < refusedAfter {
		return nil
	}
	return l.err
}

// last is why the link is down, nil if it is up.
func (l *link) last() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}
