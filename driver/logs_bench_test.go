package driver

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// BenchmarkLogs is the cost of reading a log that is there, beside copying its bytes alone. One operation is 100,000 lines.
func BenchmarkLogs(b *testing.B) {
	for _, size := range []int{20, 100, 1000} {
		var log bytes.Buffer
		at := time.Unix(1_700_000_000, 0)
		for range 100_000 {
			at = at.Add(3 * time.Microsecond)
			fmt.Fprintf(&log, "%s %s\n", at.UTC().Format("2006-01-02T15:04:05.000000000Z07:00"), strings.Repeat("x", size-1))
		}
		b.Run(fmt.Sprintf("%d bytes a line", size), func(b *testing.B) {
			b.SetBytes(int64(size) * 100_000)
			b.ReportAllocs()
			for b.Loop() {
				ended := make(chan struct{})
				r := &logReader{
					open: func(context.Context, time.Time, bool) (io.ReadCloser, error) {
						return io.NopCloser(bytes.NewReader(log.Bytes())), nil
					},
					out: bufio.NewWriterSize(io.Discard, maxPiece), ended: ended, gone: func() bool { return false },
					pace: defaultLogPace(), log: slog.New(slog.DiscardHandler), window: newWindow(),
				}
				if err := r.snapshot(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
