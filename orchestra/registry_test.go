package orchestra_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

type namedDriver struct {
	orchestra.Driver
	namespace string
}

func openNamed(_ context.Context, namespace string, logger *slog.Logger) (orchestra.Driver, error) {
	logger.Info("a logger is always there")
	return namedDriver{namespace: namespace}, nil
}

func TestOpen(t *testing.T) {
	errDown := errors.New("backend is down")
	orchestra.Register("test-down", func(context.Context, string, *slog.Logger) (orchestra.Driver, error) { return nil, errDown })
	orchestra.Register("test-named", openNamed)

	driver, err := orchestra.Open(t.Context(), "test-named", "ns", nil)
	require.NoError(t, err)
	assert.Equal(t, namedDriver{namespace: "ns"}, driver)

	_, err = orchestra.Open(t.Context(), "test-down", "ns", nil)
	require.ErrorIs(t, err, errDown)
	assert.EqualError(t, err, `opening driver "test-down" for namespace "ns": backend is down`)

	_, err = orchestra.Open(t.Context(), "test-nmaed", "ns", nil)
	require.ErrorContains(t, err, `opening driver "test-nmaed": no such driver`)
	assert.ErrorContains(t, err, "test-down, test-named")

	_, err = orchestra.Open(t.Context(), "test-named", "", nil)
	assert.EqualError(t, err, `opening driver "test-named": the namespace is empty`)

	assert.Subset(t, orchestra.Drivers(), []string{"test-down", "test-named"})
	assert.IsNonDecreasing(t, orchestra.Drivers())
}

func TestRegisterPanics(t *testing.T) {
	orchestra.Register("test-taken", openNamed)
	assert.PanicsWithValue(t, `orchestra: registering driver "test-taken": the name is taken`, func() { orchestra.Register("test-taken", openNamed) })
	assert.PanicsWithValue(t, `orchestra: registering a driver: the name is empty`, func() { orchestra.Register("", openNamed) })
	assert.PanicsWithValue(t, `orchestra: registering driver "test-nil": the function is nil`, func() { orchestra.Register("test-nil", nil) })
}
