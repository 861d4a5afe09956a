package orchestratest

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

// recorder stands in for the testing.TB of a rule, so that a failure can be looked at instead of failing the test.
type recorder struct {
	testing.TB // the real one, for all that does not fail

	mu       sync.Mutex
	failed   bool
	text     strings.Builder
	cleanups []func()
}

func (r *recorder) write(failed bool, text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed = r.failed || failed
	r.text.WriteString(text + "\n")
}

func (r *recorder) Log(args ...any)                   { r.write(false, fmt.Sprintln(args...)) }
func (r *recorder) Logf(format string, args ...any)   { r.write(false, fmt.Sprintf(format, args...)) }
func (r *recorder) Error(args ...any)                 { r.write(true, fmt.Sprintln(args...)) }
func (r *recorder) Errorf(format string, args ...any) { r.write(true, fmt.Sprintf(format, args...)) }
func (r *recorder) Fail()                             { r.write(true, "") }

func (r *recorder) FailNow() {
	r.write(true, "")
	runtime.Goexit()
}

func (r *recorder) Failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed
}

func (r *recorder) Cleanup(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cleanups = append(r.cleanups, f)
}

// record runs one rule to its end, with its clean-ups.
func record(t testing.TB, rule rule, patience time.Duration, open func(namespace string) orchestra.Driver) *recorder {
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() { // of its own, for FailNow to end
		defer close(done)
		defer func() {
			for _, cleanup := range slices.Backward(r.cleanups) {
				cleanup()
			}
		}()
		rule.verify(r, patience, open)
	}()
	<-done
	return r
}
