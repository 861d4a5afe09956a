package progress

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake returns a reporter whose clock stands at what it points to, and whose
// ticks come from the channel.
func fake(terminal bool) (*Reporter, *bytes.Buffer, *time.Time, chan time.Time) {
	var out bytes.Buffer
	clock := time.Unix(0, 0)
	ticks := make(chan time.Time)
	r := &Reporter{
		out: &out, terminal: terminal, now: func() time.Time { return clock },
		ticker: func(time.Duration) (<-chan time.Time, func()) { return ticks, func() {} },
	}
	return r, &out, &clock, ticks
}

func step(t *testing.T, terminal bool, result error) string {
	t.Helper()
	r, out, clock, ticks := fake(terminal)
	err := r.Step(t.Context(), "building", func(context.Context) error {
		*clock = clock.Add(70 * time.Second)
		ticks <- *clock
		return result
	})
	require.ErrorIs(t, err, result)
	return out.String()
}

func TestALogGetsLines(t *testing.T) {
	assert.Equal(t, "building ...\nbuilding ... 1m10s\nbuilding: done in 1m10s\n", step(t, false, nil))
}

func TestATerminalGetsOneLineRewritten(t *testing.T) {
	assert.Equal(t, "\r\033[Kbuilding ... 1m10s\r\033[Kbuilding: done in 1m10s\n", step(t, true, nil))
}

func TestAFailureIsNotDone(t *testing.T) {
	assert.Contains(t, step(t, false, errors.New("no")), "building: gave up after 1m10s\n")
}

func TestAFileIsNoTerminal(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "log"))
	require.NoError(t, err)
	New(f).Say("hello %s", "you")
	require.NoError(t, f.Close())
	content, err := os.ReadFile(f.Name())
	require.NoError(t, err)
	assert.Equal(t, "hello you\n", string(content))
	assert.False(t, New(f).terminal)
}
