package orchestra

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
)

// OpenFunc opens a driver for a namespace, which may be any string but "". The logger is never nil.
type OpenFunc func(ctx context.Context, namespace string, logger *slog.Logger) (Driver, error)

var registry = struct {
	sync.RWMutex
	open map[string]OpenFunc
}{open: map[string]OpenFunc{}}

// Register makes a driver available to Open, as database/sql does: a driver's package calls it from an init function.
// It panics if the name is empty or taken, or if open is nil. It may be called by several goroutines at once.
func Register(name string, open OpenFunc) {
	registry.Lock()
	defer registry.Unlock()
	switch {
	case name == "":
		panic("orchestra: registering a driver: the name is empty")
	case open == nil:
		panic(fmt.Sprintf("orchestra: registering driver %q: the function is nil", name))
	case registry.open[name] != nil:
		panic(fmt.Sprintf("orchestra: registering driver %q: the name is taken", name))
	}
	registry.open[name] = open
}

// Open opens the registered driver of that name. A nil logger discards. An unknown name is an error that lists the
// known ones; an empty namespace is an error. The caller closes the driver.
func Open(ctx context.Context, name, namespace string, logger *slog.Logger) (Driver, error) {
	registry.RLock()
	open := registry.open[name]
	registry.RUnlock()
	if open == nil {
		return nil, fmt.Errorf("opening driver %q: no such driver (known: %s)", name, known())
	}
	if namespace == "" {
		return nil, fmt.Errorf("opening driver %q: the namespace is empty", name)
	}
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	driver, err := open(ctx, namespace, logger)
	if err != nil {
		return nil, fmt.Errorf("opening driver %q for namespace %q: %w", name, namespace, err)
	}
	return driver, nil
}

// Drivers lists the registered names in alphabetical order.
func Drivers() []string {
	registry.RLock()
	defer registry.RUnlock()
	return slices.Sorted(maps.Keys(registry.open))
}

func known() string {
	if names := Drivers(); len(names) > 0 {
		return strings.Join(names, ", ")
	}
	return "none; import the driver's package"
}
