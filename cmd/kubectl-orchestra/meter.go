package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/orchestra-ci/orchestra-k8s/internal/terminal"
)

// meter shows how far a copy has come: in place on a terminal, and in one line at the end elsewhere. It is an io.Writer beside the stream.
type meter struct {
	c     *cli
	block *terminal.Block // nil where nothing can be written in place
	total int64           // bytes that are expected; 0: not known
	bytes int64
	began time.Time
	shown time.Time
}

func (c *cli) newMeter(total int64) *meter {
	m := &meter{c: c, total: total, began: time.Now()}
	if c.live {
		m.block = terminal.NewBlock(c.err, c.width)
	}
	return m
}

// Write counts.
func (m *meter) Write(p []byte) (int, error) {
	m.bytes += int64(len(p))
	if now := time.Now(); m.block != nil && now.Sub(m.shown) >= frameInterval {
		m.shown = now
		_ = m.block.Show(m.String())
	}
	return len(p), nil
}

func (m *meter) end() {
	if m.block != nil {
		m.block.Clear()
	}
	m.c.say("%s in %s", size(m.bytes), time.Since(m.began).Round(100*time.Millisecond))
}

// String is a bar where the total is known. Names and padding count as well, so it is full a little early.
func (m *meter) String() string {
	if m.total == 0 {
		return size(m.bytes)
	}
	done := min(m.bytes, m.total)
	full := int(barWidth * done / m.total)
	return fmt.Sprintf("%s%s %3d%%  %s of %s", m.c.errorColour.Good(strings.Repeat("█", full)), strings.Repeat("░", barWidth-full), 100*done/m.total, size(done), size(m.total))
}

// size is a number of bytes for people.
func size(bytes int64) string {
	const unit = 1024
	if bytes < unit {
		return fmt.Sprintf("%d B", bytes)
	}
	value, names := float64(bytes)/unit, "KMGTPE"
	at := 0
	for value >= unit {
		value, at = value/unit, at+1
	}
	return fmt.Sprintf("%.1f %ciB", value, names[at])
}
