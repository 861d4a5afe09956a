package driver

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// logStory is one random life of a log: what is written when, what is rotated, and how every stream breaks.
type logStory struct {
	*rand.Rand
	log       *fakeLog
	rotations bool
	number    int
	stamp     int64
}

func newLogStory(seed uint64, rotations bool) *logStory {
	s := &logStory{Rand: rand.New(rand.NewPCG(seed, 7)), rotations: rotations, stamp: start, log: newFakeLog()}
	faults := make([]logFault, 3+s.IntN(6))
	for i := range faults {
		faults[i] = s.fault()
	}
	s.log.fault = func(open int, follow bool) logFault {
		if open >= len(faults) {
			return logFault{}
		}
		f := faults[open]
		f.stuck, f.skip = f.stuck && follow, f.skip && follow
		return f
	}
	return s
}

func (s *logStory) fault() logFault {
	f := logFault{stuck: s.rotations && s.IntN(4) == 0}
	if s.rotations && !f.stuck && s.IntN(3) == 0 {
		return logFault{skip: true} // with a cut between the two readings of the file, the loss would show nowhere
	}
	switch s.IntN(6) {
	case 0:
		f.refuse = errCut
	case 1, 2:
		f.limit, f.cut = 1+s.IntN(3000), errCut
	case 3:
		f.limit = 1 + s.IntN(3000)
	case 4:
		f.text = "rpc error: code = Unavailable"
	}
	return f
}

// write makes some lines: short and long ones, with coarse and with fine timestamps, now and then a little out of order.
func (s *logStory) write(n int) []chunk {
	var all []chunk
	for range n {
		s.stamp += []int64{0, 1, 1000, int64(time.Millisecond), int64(400 * time.Millisecond)}[s.IntN(5)]
		at := s.stamp - []int64{0, 0, 0, 3, 100_000}[s.IntN(5)]
		s.number++
		text := fmt.Sprintf("%d:%s\n", s.number, strings.Repeat(string(rune('a'+s.IntN(26))), s.IntN(20)))
		if s.IntN(50) == 0 {
			s.stamp += 1000 // equal pieces with one timestamp would look like a file that is read twice
			at = s.stamp
			all = append(all, chunk{at, strings.Repeat("P", 16<<10)}, chunk{at + 5, strings.Repeat("P", 16<<10)})
			at += 10
		}
		all = append(all, chunk{at, text})
	}
	return all
}

// live writes until the container ends. It rotates nothing before the first delivery: what is lost before shows nowhere.
func (s *logStory) live(begun func() bool) {
	for range 5 + s.IntN(40) {
		chunks := s.write(2 + s.IntN(60))
		if s.rotations && s.IntN(4) == 0 && begun() {
			s.stamp += int64(time.Second) // a file whose lines all have one timestamp could be read twice unnoticed
			s.log.rotate(append(chunks, s.write(1)...)...)
		} else {
			s.log.append(chunks...)
		}
		time.Sleep([]time.Duration{0, 0, time.Millisecond, time.Second, 15 * time.Second}[s.IntN(5)])
	}
	if !s.rotations && s.IntN(2) == 0 {
		s.log.append(chunk{s.stamp + 1, "no newline"})
	}
	s.log.end()
}

func tell(t *testing.T, seed uint64, rotations bool) (want, got string, err error) {
	s := newLogStory(seed, rotations)
	var out bytes.Buffer
	done := make(chan error, 1)
	r := s.log.reader(&out)
	if seed%2 == 0 {
		r.pace.many = 0
	}
	go func() { done <- r.follow(t.Context()) }()
	s.live(func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.window.filled
	})
	err = <-done
	return s.log.whole(), out.String(), err
}

func stories() uint64 {
	if testing.Short() {
		return 50
	}
	return 300
}

func TestLogsProperty(t *testing.T) {
	for seed := range stories() {
		synctest.Test(t, func(t *testing.T) {
			want, got, err := tell(t, seed, false)
			require.NoError(t, err, "seed %d", seed)
			require.True(t, want == got, "seed %d: got %d bytes of %d, equal up to %d", seed, len(got), len(want), common(want, got))
		})
	}
}

// With rotations lines may be lost, but never in silence, never twice and never out of order.
func TestLogsPropertyWithRotation(t *testing.T) {
	gaps := 0
	for seed := range stories() {
		synctest.Test(t, func(t *testing.T) {
			want, got, err := tell(t, seed, true)
			if err == nil {
				require.True(t, want == got, "seed %d: lost in silence; got %d bytes of %d, equal up to %d", seed, len(got), len(want), common(want, got))
				return
			}
			gaps++
			require.True(t, isGap(err), "seed %d: %v", seed, err)
			assertRising(t, seed, got)
		})
	}
	assert.Positive(t, gaps)
	t.Logf("%d of %d stories had a gap", gaps, stories())
}

func common(a, b string) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}

func assertRising(t *testing.T, seed uint64, got string) {
	last := 0
	for text := range strings.Lines(got) {
		number, _, ok := strings.Cut(strings.TrimLeft(text, "P"), ":")
		if !ok {
			continue
		}
		n, err := strconv.Atoi(number)
		require.NoError(t, err, "seed %d: %.60q", seed, text)
		require.Greater(t, n, last, "seed %d", seed)
		last = n
	}
}
