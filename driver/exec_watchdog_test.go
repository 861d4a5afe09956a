package driver

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

// A process that has not started yet is asked for at the watch only. A connection whose caller is busy is left alone, and so is one on which
// something moves.
func TestWatchdogClosesTheConnectionToWhatIsGone(t *testing.T) {
	gone := func() error { return errors.New("the pod has ended") }
	for name, test := range map[string]struct {
		over  func() error
		hold  func(e *execution)
		after time.Duration // when it is closed; 0: never
	}{
		"gone":                   {gone, func(*execution) {}, execIdle + newsTrail},
		"there":                  {func() error { return nil }, func(*execution) {}, 0},
		"gone, the caller busy":  {gone, func(e *execution) { e.motion.busy.Store(true) }, 0},
		"gone, output moves":     {gone, func(e *execution) { e.motion.moved.Add(1) }, 0},
		"gone, output has moved": {gone, func(e *execution) { e.motion.moved.CompareAndSwap(0, 1) }, 2*execIdle + newsTrail},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &Driver{execIdle: execIdle, trail: newsTrail}
				stream := newScriptedStream(nil)
				e := &execution{stream: stream, heard: newHeard(2)}
				ctx, cancel := context.WithCancel(t.Context())
				began := time.Now()
				var watching sync.WaitGroup
				watching.Go(func() { d.watchOver(ctx, e, test.over) })
				for range 100 { // seconds, which are over at once
					if sleep(ctx, time.Second) != nil || isClosed(stream.closed) {
						break
					}
					test.hold(e)
				}
				if test.after == 0 {
					assert.False(t, isClosed(stream.closed))
					assert.False(t, e.motion.lost.Load())
				} else {
					assert.True(t, e.motion.lost.Load())
					assert.InDelta(t, test.after.Seconds(), time.Since(began).Seconds(), 1)
				}
				cancel()
				watching.Wait()
			})
		})
	}
}
