package faultproxy

import (
	"hash/fnv"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Bounds of a seeded plan. A client whose patience is a minute gets through: it meets at most three faults in a row for one thing
// that it wants, besides those of other requests whose connection it shares.
const (
	faultRate  = 0.3
	mostInARow = 3
	longestCut = 3000 // bytes of an answer
	longest    = 2 * time.Second
	longestGap = 4 * time.Second // of a black hole
)

// Seeded is a plan that draws faults at random, the same for every client that does the same with the same seed and name: whether
// and how the n-th request of a kind is spoiled depends on nothing else, except that no request meets more than three faults in a row.
//
// Some requests are spared. The version is what a client asks for to find out whether there is a cluster at all, and gives up at once if there
// is not. A command (exec) that runs cannot be repeated, so one that is cut is rightly an error: its connection breaks or falls silent before it
// has begun, or never. An attach may be refused, but its connection does not break: that is rightly a failure of the task.
func Seeded(seed uint64, name string) Plan {
	s := &seeded{seed: seed, name: name, seen: map[string]uint64{}, inARow: map[string]int{}}
	return s.next
}

type seeded struct {
	seed uint64
	name string

	mu     sync.Mutex
	seen   map[string]uint64 // requests, by kind
	inARow map[string]int    // faults, by what is wanted
}

func (s *seeded) next(r *http.Request) Fault {
	kind := Kind(r)
	choices := choicesFor(r, kind)
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.seen[kind]
	s.seen[kind]++
	random := s.random(kind, n)
	wanted := r.Method + " " + r.URL.Path
	if len(choices) == 0 || random.Float64() >= faultRate || s.inARow[wanted] == mostInARow {
		s.inARow[wanted] = 0
		return Pass
	}
	s.inARow[wanted]++
	return choices[random.IntN(len(choices))](random)
}

// random is a source for one request.
func (s *seeded) random(kind string, n uint64) *rand.Rand {
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(s.name + "\x00" + kind))
	return rand.New(rand.NewPCG(s.seed, hash.Sum64()+n))
}

// choice draws the parameters of a fault.
type choice func(*rand.Rand) Fault

func always(f Fault) choice { return func(*rand.Rand) Fault { return f } }

var (
	refusals = []choice{
		always(Break),
		func(r *rand.Rand) Fault { return Overload(1 + r.IntN(2)) },
		func(r *rand.Rand) Fault { return Delay(upTo(r, longest)) },
	}
	ofCommands = append(refusals[:len(refusals):len(refusals)],
		always(LoseRequest),
		always(LoseAnswer),
		func(r *rand.Rand) Fault { return BlackHole(time.Second + upTo(r, longestGap)) },
	)
	spoilers = append(ofCommands[:len(ofCommands):len(ofCommands)],
		func(r *rand.Rand) Fault { return CutAfter(r.Int64N(longestCut)) },
	)
	ofStreams = append(spoilers[:len(spoilers):len(spoilers)],
		func(r *rand.Rand) Fault { return EndAfter(r.Int64N(longestCut)) },
	)
	ofWatches = append(ofStreams[:len(ofStreams):len(ofStreams)],
		always(Expire),
		func(r *rand.Rand) Fault { return ExpireStream(upTo(r, longest)) },
	)
)

// choicesFor are the faults that a client must be able to bear.
func choicesFor(r *http.Request, kind string) []choice {
	switch {
	case kind == "GET /version":
		return nil
	case strings.HasSuffix(kind, " pods/exec"):
		return ofCommands
	case isUpgrade(r):
		return refusals
	case isWatch(r):
		return ofWatches
	case isStream(r):
		return ofStreams
	}
	return spoilers
}

func upTo(r *rand.Rand, most time.Duration) time.Duration {
	return time.Duration(r.Int64N(int64(most)))
}
