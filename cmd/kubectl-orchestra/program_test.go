package main

import (
	"bytes"
	"context"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"go.uber.org/goleak"
	"k8s.io/apimachinery/pkg/util/rand"

	"github.com/orchestra-ci/orchestra-k8s/internal/testcluster"
)

// beProgram in the environment makes the test binary the program itself, for tests that need a process.
const beProgram = "ORCHESTRA_TEST_BE_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(beProgram) != "" {
		main()
	}
	goleak.VerifyTestMain(m)
}

// result is what a terminal would show of one run of the program.
type result struct {
	code     int
	out, err string
}

// program runs the program as it is without a terminal.
func program(t *testing.T, stdin string, args ...string) result {
	t.Helper()
	p := start(t, streams{in: strings.NewReader(stdin)}, args...)
	return p.wait()
}

// running is a program that has not ended.
type running struct {
	signals  chan os.Signal
	out, err *screen
	code     chan int
}

// start runs the program in the background. s holds what is special; its writers are replaced.
func start(t *testing.T, s streams, args ...string) *running {
	t.Helper()
	p := &running{signals: make(chan os.Signal, 2), out: newScreen(), err: newScreen(), code: make(chan int, 1)}
	s.out, s.err = p.out, p.err
	if s.in == nil {
		s.in = strings.NewReader("")
	}
	ctx := context.WithoutCancel(t.Context())
	go func() { p.code <- run(ctx, s, p.signals, args) }()
	return p
}

func (p *running) wait() result {
	code := <-p.code
	return result{code, p.out.String(), p.err.String()}
}

// screen is a buffer that can be waited on.
type screen struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{}
}

func newScreen() *screen { return &screen{changed: make(chan struct{})} }

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.changed)
	s.changed = make(chan struct{})
	return s.text.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// end is what fits on a screen.
func (s *screen) end() string {
	text := s.String()
	return text[max(0, len(text)-4000):]
}

// await returns when the text is there.
func (s *screen) await(t *testing.T, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		s.mu.Lock()
		found, changed := strings.Contains(s.text.String(), text), s.changed
		s.mu.Unlock()
		if found {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			assert.FailNow(t, "it was never written", "want %q in:\n%s", text, s.end())
		}
	}
}

// scope is a scope of its own on the test cluster, which is closed when the test ends.
type scope struct {
	t    *testing.T
	name string
	args []string
}

func newScope(t *testing.T) scope {
	t.Helper()
	s := scope{t: t, name: "cli-" + rand.String(8)}
	s.args = []string{"--kubeconfig", testcluster.Kubeconfig(t), "--scope", s.name, "--set", "terminationGracePeriodSeconds=1"}
	t.Cleanup(func() {
		got := program(t, "", append([]string{"close", "--yes"}, s.args...)...)
		assert.Zero(t, got.code, got.err)
	})
	return s
}

// with puts the scope's flags behind the command's name.
func (s scope) with(args ...string) []string {
	return append(append([]string{args[0]}, s.args...), args[1:]...)
}

func (s scope) program(args ...string) result {
	s.t.Helper()
	return program(s.t, "", s.with(args...)...)
}
