package driver

import (
	"context"
	"log/slog"
	"sync"
)

// maxWarnings bounds the memory for what was said already.
const maxWarnings = 1000

// warnings hands the API server's warnings to the driver's log, each text once: a deprecated field in a template would
// otherwise be reported with every task.
type warnings struct {
	log  *slog.Logger
	mu   sync.Mutex
	said map[string]bool
}

func newWarnings(log *slog.Logger) *warnings { return &warnings{log: log, said: map[string]bool{}} }

// HandleWarningHeaderWithContext implements rest.WarningHandlerWithContext. Kubernetes uses the code 299 (RFC 7234) for
// every warning; others come from proxies.
func (w *warnings) HandleWarningHeaderWithContext(ctx context.Context, code int, agent, text string) {
	if code != 299 || text == "" || !w.isNew(text) {
		return
	}
	w.log.WarnContext(ctx, "the API server warns", "warning", text)
}

func (w *warnings) isNew(text string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.said[text] || len(w.said) >= maxWarnings {
		return false
	}
	w.said[text] = true
	return true
}
