package sanitize_test

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestDifferentInputsNeverShareAResult is the contract of the package over a million different cases, a case
// being one function and one input, and inputs chosen to lie close together. All functions share one set of
// results, as their names may share a kind of object. The parts run at once, as callers may.
func TestDifferentInputsNeverShareAResult(t *testing.T) {
	const parts = 4
	cases := 1_000_000
	if testing.Short() {
		cases = 50_000
	}
	seen := &results{inputs: make(map[string][]string, cases)}
	for part := range parts {
		t.Run(strconv.Itoa(part), func(t *testing.T) {
			t.Parallel()
			g := generator{rand.New(rand.NewPCG(1, uint64(part)))}
			for left := cases / parts; left > 0; {
				for _, input := range g.neighbours() {
					if seen.add(t, input) {
						left -= len(functions)
					}
				}
			}
		})
	}
}

// Results remembers which input led to a result.
type results struct {
	mu     sync.Mutex
	inputs map[string][]string
}

// add checks what every function makes of input, and reports whether the input is new.
func (r *results) add(t *testing.T, input []string) bool {
	isNew := false
	for _, f := range functions {
		got := f.sanitize(input...)
		other, seen := r.remember(got, input)
		if !seen {
			f.requireValid(t, got, input)
			isNew = true
		} else if !slices.Equal(input, other) {
			require.Failf(t, "shared result", "%s(%q) = %q, which is already the result of %q", f.name, input, got, other)
		}
	}
	return isNew
}

func (r *results) remember(got string, input []string) (other []string, seen bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if other, seen = r.inputs[got]; !seen {
		r.inputs[got] = input
	}
	return other, seen
}

// requireValid compares before it asserts: the arguments of a million assertions cost more than the checks.
func (f function) requireValid(t *testing.T, got string, input []string) {
	if problems := f.problems(got); len(problems) > 0 || got == "" {
		require.Failf(t, "invalid result", "%s(%q) = %q: %v", f.name, input, got, problems)
	}
	kept := len(input) == 1 && input[0] == got
	if !kept && !looksHashed(got) {
		require.Failf(t, "changed without a hash", "%s(%q) = %q", f.name, input, got)
	}
}
