package lock

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTheSecondWaitsForTheFirst(t *testing.T) {
	path := filepath.Join(t.TempDir(), "clusters", "dev.lock")
	first, err := Acquire(t.Context(), path, func(string) { t.Error("nobody has it yet") })
	require.NoError(t, err)

	told := make(chan string, 1)
	got := make(chan error, 1)
	go func() {
		second, err := Acquire(t.Context(), path, func(holder string) { told <- holder })
		if err == nil {
			second.Unlock()
		}
		got <- err
	}()
	assert.Equal(t, strconv.Itoa(os.Getpid()), <-told)
	assert.Empty(t, got, "it must not have the lock while the first does")
	first.Unlock()
	assert.NoError(t, <-got)
}

func TestWaitingEndsWithTheContext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dev.lock")
	first, err := Acquire(t.Context(), path, func(string) {})
	require.NoError(t, err)
	defer first.Unlock()

	ctx, cancel := context.WithCancel(t.Context())
	_, err = Acquire(ctx, path, func(string) { cancel() })
	assert.ErrorIs(t, err, context.Canceled)
}
