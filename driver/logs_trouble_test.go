package driver

import (
	"bytes"
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// unreachable is what an API server does that does not reach the task's node, and what a reader says of it.
var unreachable = map[string]struct {
	fault logFault
	said  string
}{
	"it says so": {
		logFault{refuse: apierrors.NewGenericServerResponse(http.StatusBadGateway, "get", pods, "fake", "dial tcp: i/o timeout", 0, true)},
		"dial tcp: i/o timeout",
	},
	"it does not answer":          {logFault{silent: true}, "the API server does not answer within 35s"},
	"it breaks off":               {logFault{limit: 1, cut: errCut}, "connection reset"},
	"it begins, and says no more": {logFault{mute: true}, "the stream stood still while the log went on"},
}

// Within two minutes the caller hears which node is silent.
func TestLogOfANodeThatIsLost(t *testing.T) {
	for name, test := range unreachable {
		for _, how := range []struct {
			name   string
			ended  bool
			follow bool
		}{{"a running task", false, false}, {"an ended task", true, false}, {"an ended task, followed", true, true}} {
			t.Run(name+", "+how.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					log := newFakeLog(lines(0, 3)...)
					log.fault = func(int, bool) logFault { return test.fault }
					if how.ended {
						log.end()
					}
					r := log.reader(&bytes.Buffer{})
					r.node = "node-1"
					began := time.Now()
					err := (&logTask{follow: how.follow}).run(t.Context(), r)
					require.ErrorContains(t, err, `reading the log of Pod/default/fake: from node "node-1": `)
					assert.ErrorContains(t, err, test.said)
					assert.Less(t, time.Since(began), 2*time.Minute)
					assert.Greater(t, time.Since(began), 50*time.Second, "a kubelet that restarts is back by then")
				})
			})
		}
	}
}

// The log of a task that runs is followed as long as it does; who looks at the driver's log hears why nothing comes.
func TestLostNodeOfATaskThatIsFollowed(t *testing.T) {
	for name, test := range unreachable {
		if test.fault.mute {
			continue // it looks like a task that says nothing
		}
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log, said := newFakeLog(lines(0, 3)...), &logBuffer{}
				log.fault = func(int, bool) logFault { return test.fault }
				r := log.reader(&bytes.Buffer{})
				r.node, r.log = "node-1", newTextLogger(said)
				done := make(chan error, 1)
				go func() { done <- r.follow(t.Context()) }()
				time.Sleep(time.Hour)
				synctest.Wait()
				assert.Empty(t, done)
				assert.Equal(t, 1, countLines(said.String()), said)
				assert.Contains(t, said.String(), "the streams of a running task's log fail")
				assert.Contains(t, said.String(), test.said)
				log.end()
				began := time.Now()
				assert.ErrorContains(t, <-done, `from node "node-1": `)
				assert.Less(t, time.Since(began), 3*time.Minute)
			})
		})
	}
}

// A proxy that cuts what is silent, again and again, is no trouble.
func TestSilentTaskWhoseStreamIsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, said := newFakeLog(lines(0, 3)...), &logBuffer{}
		log.fault = func(_ int, follow bool) logFault {
			if follow {
				return logFault{life: time.Minute}
			}
			return logFault{}
		}
		r := log.reader(&bytes.Buffer{})
		r.log = newTextLogger(said)
		done := make(chan error, 1)
		go func() { done <- r.follow(t.Context()) }()
		time.Sleep(time.Hour)
		log.end()
		require.NoError(t, <-done)
		assert.Empty(t, said.String())
		assert.Greater(t, log.followed(), 50)
	})
}

// A node that is back within a minute has cost nothing.
func TestNodeComesBack(t *testing.T) {
	for name, test := range unreachable {
		for _, follow := range []bool{false, true} {
			for _, ended := range []bool{false, true} {
				synctest.Test(t, func(t *testing.T) {
					log := newFakeLog(lines(0, 300)...)
					back := time.Now().Add(50 * time.Second)
					log.fault = func(int, bool) logFault {
						if time.Now().Before(back) {
							return test.fault
						}
						return logFault{}
					}
					if ended {
						log.end()
					} else {
						log.endQuietly(10 * time.Minute)
					}
					var out bytes.Buffer
					require.NoError(t, (&logTask{follow: follow}).run(t.Context(), log.reader(&out)), "%s, follow %t, ended %t", name, follow, ended)
					assert.Equal(t, log.whole(), out.String(), "%s, follow %t, ended %t", name, follow, ended)
				})
			}
		}
	}
}

// When the caller's time is over he hears at once, and what was in the way.
func TestContextEndsALogOfALostNode(t *testing.T) {
	for name, test := range unreachable {
		for _, follow := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				log := newFakeLog(lines(0, 3)...)
				log.fault = func(int, bool) logFault { return test.fault }
				ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
				defer cancel()
				began := time.Now()
				r := log.reader(&bytes.Buffer{})
				r.node = "node-1"
				err := (&logTask{follow: follow}).run(ctx, r)
				assert.Equal(t, 40*time.Second, time.Since(began), name)
				require.ErrorIs(t, err, context.DeadlineExceeded)
				if !test.fault.mute || !follow {
					assert.ErrorContains(t, err, `context deadline exceeded; before that: from node "node-1": `, name)
					assert.ErrorContains(t, err, test.said, name)
				}
			})
		}
	}
}

// However often it is cut, a log that gets on is read to its end.
func TestLogThatIsCutAgainAndAgain(t *testing.T) {
	for _, follow := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			log := newFakeLog()
			for n := range 300 {
				log.append(chunk{start + int64(n)*int64(2*time.Second), line(n).text})
			}
			log.fault = func(int, bool) logFault { return logFault{limit: 200, cut: errCut} }
			log.end()
			var out bytes.Buffer
			require.NoError(t, (&logTask{follow: follow}).run(t.Context(), log.reader(&out)))
			assert.Equal(t, log.whole(), out.String())
		})
	}
}
