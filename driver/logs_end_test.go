package driver

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A log that was read whole is not read again, if its last lines are those that were delivered last.
func TestEndOfALog(t *testing.T) {
	alternating := make([]chunk, 1000)
	for i := range alternating {
		alternating[i] = chunk{stamp: start, text: []string{"a\n", "b\n"}[i%2]}
	}
	stamped := len("2026-05-04T03:02:01.999000000Z ")
	for name, test := range map[string]struct {
		chunks []chunk
		limit  int  // bytes of the first stream, which ends cleanly; 0: all
		again  bool // it has to be read again
	}{
		"as delivered":                       {chunks: lines(0, 100)},
		"fewer lines than are looked at":     {chunks: lines(0, 3)},
		"one line":                           {chunks: lines(0, 1), again: true},
		"more lines":                         {chunks: lines(0, 100), limit: 10 * (stamped + len("line 0\n")), again: true},
		"one more line":                      {chunks: append(lines(0, 10), line(7)), limit: 10 * (stamped + len("line 0\n")), again: true},
		"an unfinished line":                 {chunks: append(lines(0, 100), chunk{line(100).stamp, "end"})},
		"an unfinished line that was cut":    {chunks: append(lines(0, 9), chunk{line(9).stamp, "an end"}), limit: 9*(stamped+len("line 0\n")) + stamped + 3, again: true},
		"a long line":                        {chunks: append(lines(0, 9), chunk{line(9).stamp, strings.Repeat("x", 16<<10)}, chunk{line(9).stamp + 1, "end\n"})},
		"equal lines of one time, cut":       {chunks: append(lines(-1, 0), same(1000, "again\n")...), limit: 500 * (stamped + len("again\n")), again: true},
		"equal lines of one time":            {chunks: same(1000, "again\n"), again: true},
		"lines of one time that alternate":   {chunks: alternating, limit: 501 * (stamped + len("a\n")), again: true},
		"a few equal lines after the others": {chunks: append(lines(-9, 0), same(5, "again\n")...)},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log := newFakeLog(test.chunks...)
				log.fault = func(open int, _ bool) logFault {
					if open == 0 {
						return logFault{limit: test.limit}
					}
					return logFault{}
				}
				log.end()
				var out bytes.Buffer
				r := log.reader(&out)
				r.pace.many = 0
				require.NoError(t, r.snapshot(t.Context()))
				assert.Equal(t, log.whole(), out.String())
				read := 0
				for _, open := range log.opens {
					if !open.last {
						read++
					}
				}
				assert.Equal(t, test.again, read > 1, "it was read %d times", read)
			})
		})
	}
}

func same(n int, text string) []chunk {
	all := make([]chunk, n)
	for i := range all {
		all[i] = chunk{stamp: start, text: text}
	}
	return all
}

// What goes wrong with the look at the last lines costs a read and nothing else.
func TestEndOfALogIsNotSeen(t *testing.T) {
	for name, fault := range map[string]logFault{
		"refused": {refuse: errCut}, "cut": {limit: 60, cut: errCut}, "cut cleanly": {limit: 60}, "an error text": {text: "the node is busy"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log := newFakeLog(lines(0, 100)...)
				log.end()
				var out bytes.Buffer
				r := log.reader(&out)
				r.pace.many = 0
				r.last = func(ctx context.Context) (io.ReadCloser, error) {
					log.fault = func(open int, _ bool) logFault {
						if log.opens[open].last {
							return fault
						}
						return logFault{}
					}
					return log.openLast(ctx)
				}
				require.NoError(t, r.snapshot(t.Context()))
				assert.Equal(t, log.whole(), out.String())
				assert.Len(t, log.opens, 3)
			})
		})
	}
}
