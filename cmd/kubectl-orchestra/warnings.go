package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
)

// warnings is a slog.Handler that shows a person what goes wrong, one line each, without times and levels.
type warnings struct {
	say    func(format string, args ...any)
	prefix string
}

// Enabled leaves out what only a log wants to know.
func (w *warnings) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelWarn }

// Handle says "warning: message (key value, ...)".
func (w *warnings) Handle(_ context.Context, record slog.Record) error {
	var details []string
	record.Attrs(func(attr slog.Attr) bool {
		details = append(details, attr.Key+" "+attr.Value.String())
		return true
	})
	text := w.prefix + record.Message
	if len(details) > 0 {
		text = fmt.Sprintf("%s (%s)", text, strings.Join(details, ", "))
	}
	w.say("warning: %s", text)
	return nil
}

// WithAttrs names what the following records are about.
func (w *warnings) WithAttrs(attrs []slog.Attr) slog.Handler {
	prefix := w.prefix
	for _, attr := range attrs {
		prefix += attr.Value.String() + ": "
	}
	return &warnings{say: w.say, prefix: prefix}
}

// WithGroup changes nothing: the driver uses no groups.
func (w *warnings) WithGroup(string) slog.Handler { return w }
