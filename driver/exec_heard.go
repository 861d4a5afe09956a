package driver

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// heard is what the driver's program in the container has said, in the lines that it marks. heed is called by one goroutine at a time;
// what it sets is read after the channel that it closes.
type heard struct {
	started chan struct{}
	pid     string
	begun   chan struct{} // when a terminal shows what its command writes
	outputs int           // a terminal has one, other processes have two
	ends    int           // of the outputs
	code    int
	ended   chan struct{} // when all outputs have arrived whole
	cut     chan struct{} // when stdin cannot be handed on to its end
	bye     chan struct{}
	said    beginning // of stderr, which says why a process could not be started
}

func newHeard(outputs int) *heard {
	return &heard{
		outputs: outputs, started: make(chan struct{}), begun: make(chan struct{}), ended: make(chan struct{}), cut: make(chan struct{}), bye: make(chan struct{}),
	}
}

func (h *heard) heed(words string) {
	word, value, _ := strings.Cut(words, " ")
	switch word {
	case "at":
		if h.pid == "" {
			h.pid = value
			close(h.started)
		}
	case "begin":
		if !isClosed(h.begun) {
			close(h.begun)
		}
	case "end":
		code, err := strconv.Atoi(value)
		if h.ends++; h.ends == h.outputs && err == nil {
			h.code = code
			close(h.ended)
		}
	case "cut":
		if !isClosed(h.cut) {
			close(h.cut)
		}
	case "bye":
		if isClosed(h.ended) && !isClosed(h.bye) {
			close(h.bye)
		}
	}
}

var errNoEnd = errors.New("its end has not arrived")

// killedError is the end of a process whose whole group was killed: by itself, or with its container. What would have said that its output
// is whole was killed too, but it is no success.
type killedError struct{ code int }

func (e *killedError) Error() string { return fmt.Sprintf("it was killed: exit code %d", e.code) }

// over judges a connection that has ended.
func (h *heard) over(answer attachAnswer) (int, error) {
	if isClosed(h.ended) { // what came last may have come together
		return h.code, nil
	}
	if answer.given && answer.code != 0 {
		return 0, &killedError{answer.code}
	}
	if answer.err == nil {
		return 0, fmt.Errorf("%w, though the server says that it was a success", errNoEnd)
	}
	return 0, fmt.Errorf("%w: %w", errNoEnd, answer.err)
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// notStarted says why a process was not started.
func (h *heard) notStarted(answer attachAnswer) error {
	err := answer.err
	if err == nil {
		err = errNoEnd
	}
	if said := h.said.String(); said != "" {
		return fmt.Errorf("starting it: %s (%w)", said, err)
	}
	return fmt.Errorf("starting it: %w", err)
}

// beginning remembers how a stream begins.
type beginning struct {
	mu   sync.Mutex
	text []byte
}

func (b *beginning) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if room := maxWords - len(b.text); room > 0 {
		b.text = append(b.text, p[:min(len(p), room)]...)
	}
	return len(p), nil
}

func (b *beginning) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return quote(string(b.text))
}
