package cluster

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// Logs copies a component's log to out. With follow it goes on until ctx ends,
// which is then no error. The log of a cluster whose start failed is there too.
func (c *Cluster) Logs(ctx context.Context, name string, follow bool, out io.Writer) error {
	f, err := os.Open(c.Log(name))
	if err != nil {
		return fmt.Errorf("reading the log of %q: %w (%s)", name, err, c.knownLogs())
	}
	defer func() { _ = f.Close() }()
	for {
		if _, err := io.Copy(out, f); err != nil {
			return err
		}
		if !follow {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func (c *Cluster) knownLogs() string {
	entries, err := os.ReadDir(c.Path("logs"))
	if err != nil || len(entries) == 0 {
		return fmt.Sprintf("cluster %q has no logs", c.Name)
	}
	known := "there are logs of"
	for _, entry := range entries {
		known += " " + strings.TrimSuffix(entry.Name(), ".log")
	}
	return known
}
