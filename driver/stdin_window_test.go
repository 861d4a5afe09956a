package driver

import (
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// distantServer answers every message after the same time, until it is told to be silent.
type distantServer struct {
	*stdinWindow
	distance time.Duration
	silent   bool
	sent     []time.Time
	most     int // messages under way
}

func (s *distantServer) send(t *testing.T, messages int) {
	t.Helper()
	for range messages {
		number, err := s.enter(nil)
		require.NoError(t, err)
		s.sent = append(s.sent, time.Now())
		s.mu.Lock()
		s.most = max(s.most, len(s.underWay))
		s.mu.Unlock()
		if !s.silent {
			time.AfterFunc(s.distance, func() { assert.True(t, s.leave(number)) })
		}
	}
}

func TestStdinWindow(t *testing.T) {
	for name, test := range map[string]struct {
		distance, took time.Duration // of a hundred messages
		most           int
	}{
		"near":              {distance: time.Millisecond, took: 99 * time.Millisecond, most: 1},
		"in between":        {distance: 12 * time.Millisecond, took: 8*12*time.Millisecond + 91*stdinWindowPause, most: 3},
		"far":               {distance: 40 * time.Millisecond, took: 8*40*time.Millisecond + 91*stdinWindowPause, most: 8},
		"farther than that": {distance: 80 * time.Millisecond, took: 8*80*time.Millisecond + 91*80*time.Millisecond/stdinWindowMax, most: 8},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				s := &distantServer{stdinWindow: newStdinWindow(), distance: test.distance}
				s.send(t, 100)
				assert.InDelta(t, test.took, time.Since(began), float64(test.distance+test.took/10), "%s", time.Since(began))
				assert.Equal(t, test.most, s.most)
				for i := 1; i < len(s.sent); i++ {
					assert.GreaterOrEqual(t, s.sent[i].Sub(s.sent[i-1]), min(test.distance, stdinWindowPause))
				}
				require.NoError(t, s.drain(nil))
				assert.Empty(t, s.underWay)
			})
		})
	}
}

// A task that does not read makes the server silent.
func TestStdinWindowOfASilentServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &distantServer{stdinWindow: newStdinWindow(), distance: 40 * time.Millisecond}
		s.send(t, 20)
		require.NoError(t, s.drain(nil))
		s.silent = true
		s.send(t, stdinWindowMax)

		closed, entered := make(chan struct{}), make(chan error, 2)
		go func() {
			_, err := s.enter(closed)
			entered <- err
		}()
		go func() { entered <- s.drain(closed) }()
		time.Sleep(time.Hour)
		assert.Len(t, s.underWay, stdinWindowMax)
		close(closed)
		require.ErrorIs(t, <-entered, io.ErrClosedPipe)
		require.ErrorIs(t, <-entered, io.ErrClosedPipe)
	})
}

func TestStdinWindowHearsOnlyOfWhatIsUnderWay(t *testing.T) {
	w := newStdinWindow()
	assert.False(t, w.leave(0))
	assert.False(t, w.leave(1))
	number, err := w.enter(nil)
	require.NoError(t, err)
	assert.False(t, w.leave(number+1))
	assert.True(t, w.leave(number))
	assert.False(t, w.leave(number), "twice")
}
