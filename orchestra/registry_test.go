package orchestra_test

import (
	"context"
	"crypto/rand"
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

// unregistered is a new name, as the registry keeps those of a test that runs again.
func unregistered(name string) string { return "test-" + name + "-" + rand.Text() }

func TestOpen(t *testing.T) {
	errDown := errors.New("backend is down")
	down, named := unregistered("down"), unregistered("named")
	orchestra.Register(down, func(context.Context, string, *slog.Logger) (orchestra.Driver, error) { return nil, errDown })
	orchestra.Register(named, openNamed)

	driver, err := orchestra.Open(t.Context(), named, "ns", nil)
	require.NoError(t, err)
	assert.Equal(t, namedDriver{namespace: "ns"}, driver)

	_, err = orchestra.Open(t.Context(), down, "ns", nil)
	require.ErrorIs(t, err, errDown)
	assert.EqualError(t, err, `opening driver "`+down+`" for namespace "ns": backend is down`)

	_, err = orchestra.Open(t.Context(), "test-nmaed", "ns", nil)
	require.ErrorContains(t, err, `opening driver "test-nmaed": no such driver`)
	assert.ErrorContains(t, err, down)
	assert.ErrorContains(t, err, named)

	_, err = orchestra.Open(t.Context(), named, "", nil)
	assert.EqualError(t, err, `opening driver "`+named+`": the namespace is empty`)

	assert.Subset(t, orchestra.Drivers(), []string{down, named})
	assert.IsNonDecreasing(t, orchestra.Drivers())
}

func TestRegisterPanics(t *testing.T) {
	taken := unregistered("taken")
	orchestra.Register(taken, openNamed)
	assert.PanicsWithValue(t, `orchestra: registering driver "`+taken+`": the name is taken`, func() { orchestra.Register(taken, openNamed) })
	assert.PanicsWithValue(t, `orchestra: registering a driver: the name is empty`, func() { orchestra.Register("", openNamed) })
	assert.PanicsWithValue(t, `orchestra: registering driver "test-nil": the function is nil`, func() { orchestra.Register("test-nil", nil) })
}
