package orchestratest

import (
	"strings"
	"sync"

	"github.com/stretchr/testify/require"
)

// tap is a writer on which a rule can wait for text.
type tap struct {
	mu      sync.Mutex
	text    strings.Builder
	changed chan struct{} // closed and replaced by each Write
}

func newTap() *tap { return &tap{changed: make(chan struct{})} }

func (p *tap) Write(data []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.changed)
	p.changed = make(chan struct{})
	return p.text.Write(data)
}

func (p *tap) read() (string, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String(), p.changed
}

func (p *tap) String() string {
	text, _ := p.read()
	return text
}

// await waits until the text is there.
func (p *tap) await(s *subject, want string) {
	s.Helper()
	for {
		text, changed := p.read()
		if strings.Contains(text, want) {
			return
		}
		select {
		case <-changed:
		case <-s.ctx.Done():
			require.FailNow(s, "the output did not arrive in time", "waiting for %q, got %q", want, text)
		}
	}
}
