package driver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// start is when the fake containers write their first line.
var start = time.Date(2026, 5, 4, 3, 2, 1, 999_000_000, time.UTC).UnixNano()

func line(n int) chunk {
	return chunk{stamp: start + int64(n)*int64(10*time.Millisecond), text: fmt.Sprintf("line %d\n", n)}
}

func lines(from, to int) []chunk {
	var all []chunk
	for n := from; n < to; n++ {
		all = append(all, line(n))
	}
	return all
}

func TestLogsKeepEveryByte(t *testing.T) {
	same := make([]chunk, 1000)
	for i := range same {
		same[i] = chunk{stamp: start, text: "again\n"}
	}
	numbered := lines(0, 1000)
	for i := range numbered {
		numbered[i].stamp = start
	}
	long := strings.Repeat("x", 16<<10)
	for name, chunks := range map[string][]chunk{
		"nothing":                              nil,
		"one line":                             lines(0, 1),
		"empty lines":                          {{start, "\n"}, {start + 1, "\n"}, {start + 1, "\n"}},
		"no final newline":                     {{start, "a\n"}, {start + 1, "b"}},
		"only a piece of a line":               {{start, "b"}},
		"carriage returns":                     {{start, "a\r\n"}, {start + 1, "b\rc\n"}},
		"NUL and invalid UTF-8":                {{start, "\x00\xff\xfe\n"}, {start + 1, "\xc3\x28\n"}},
		"a line that looks like a timestamp":   {{start, "2026-05-04T03:02:01.000000000Z x\n"}},
		"a line in chunks":                     {{start, long}, {start + 1, long}, {start + 2, "end\n"}, line(1)},
		"a long line without newline":          {{start, long}, {start + 1, long}, {start + 2, long}, {start + 3, "end"}},
		"a line of exactly one piece":          {{start, long}, {start + 1, long[:16<<10-31] + "\n"}, line(1)},
		"1000 equal lines with one timestamp":  same,
		"1000 other lines with one timestamp":  numbered,
		"timestamps out of order, as they are": {{start + 500, "out\n"}, {start, "err\n"}, {start + 600, "out\n"}},
	} {
		for _, cut := range []int{0, 1, 40, 45, 100, 33000} {
			t.Run(fmt.Sprintf("%s, cut at %d", name, cut), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					log := newFakeLog(chunks...)
					log.fault = func(open int, _ bool) logFault {
						if open%2 == 0 && open < 8 {
							return logFault{limit: cut, cut: []error{errCut, nil}[open/2%2]}
						}
						return logFault{}
					}
					log.endQuietly(time.Millisecond)
					var out bytes.Buffer
					require.NoError(t, log.reader(&out).follow(t.Context()))
					assert.Equal(t, log.whole(), out.String(), "follow")
					log.opens = nil
					out.Reset()
					require.NoError(t, log.reader(&out).follow(t.Context()))
					assert.Equal(t, log.whole(), out.String(), "follow what has ended")
					assert.Zero(t, log.followed())
					out.Reset()
					require.NoError(t, log.reader(&out).snapshot(t.Context()))
					assert.Equal(t, log.whole(), out.String(), "snapshot")
				})
			})
		}
	}
}

// Only a cut in the very moment of the change could hide the lines after it: the server would be asked for later ones.
func TestClockIsSetBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newFakeLog(lines(1000, 1010)...)
		log.append(lines(2, 400)...)
		log.append(chunk{line(1).stamp, "once more\n"}, line(401))
		log.endQuietly(time.Millisecond)
		var out bytes.Buffer
		require.NoError(t, log.reader(&out).follow(t.Context()))
		assert.Equal(t, log.whole(), out.String())
	})
}

func TestFollowDeliversLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newFakeLog()
		var out bytes.Buffer
		done := make(chan error, 1)
		go func() { done <- log.reader(&out).follow(t.Context()) }()
		for n := range 3 {
			log.append(line(n))
			synctest.Wait()
			assert.Equal(t, log.whole(), out.String())
		}
		log.end()
		require.NoError(t, <-done)
		assert.Equal(t, 1, log.followed())
	})
}

func TestSilentTaskIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newFakeLog(lines(0, 10)...)
		var out bytes.Buffer
		done := make(chan error, 1)
		go func() { done <- log.reader(&out).follow(t.Context()) }()
		synctest.Wait()
		log.rotate() // the follower moves to the new, empty file: no other stream could find its place any more
		time.Sleep(5 * time.Hour)
		assert.Equal(t, 1, log.followed())
		assert.Less(t, len(log.opens), 80, "looking after a silent stream becomes rare")
		log.append(lines(10, 12)...)
		log.end()
		require.NoError(t, <-done)
		assert.Equal(t, log.whole(), out.String())
	})
}

func TestStuckFollowerIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newFakeLog(lines(0, 10)...)
		log.fault = func(open int, _ bool) logFault { return logFault{stuck: open == 0} }
		var out bytes.Buffer
		done := make(chan error, 1)
		go func() { done <- log.reader(&out).follow(t.Context()) }()
		synctest.Wait()
		log.rotate(lines(10, 20)...)
		time.Sleep(time.Minute)
		assert.Equal(t, log.whole(), out.String())
		log.end()
		err := <-done
		gap, ok := errors.AsType[*LogGapError](err)
		require.True(t, ok, "got %v", err)
		assert.Equal(t, []LogGap{{After: time.Unix(0, line(9).stamp).UTC(), Before: time.Unix(0, line(10).stamp).UTC()}}, gap.Gaps)
	})
}

// The stream of a dead connection never ends by itself, not even after the container.
func TestDeadStreamIsReplacedAfterTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newFakeLog(lines(0, 10)...)
		good := log.open
		var out bytes.Buffer
		r := log.reader(&out)
		r.open = func(ctx context.Context, since time.Time, follow bool) (io.ReadCloser, error) {
			if !follow {
				return good(ctx, since, follow)
			}
			dead, w := io.Pipe()
			context.AfterFunc(ctx, func() { w.CloseWithError(ctx.Err()) })
			return dead, nil
		}
		log.endQuietly(time.Millisecond)
		require.NoError(t, r.follow(t.Context()))
		assert.Equal(t, log.whole(), out.String())
	})
}

func TestRotationWhileNobodyReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newFakeLog(lines(0, 300)...)
		log.fault = func(open int, _ bool) logFault {
			switch open {
			case 0:
				return logFault{limit: 100, cut: errCut}
			case 1:
				log.files = append(log.files, lines(300, 400), lines(400, 500))
			}
			return logFault{}
		}
		log.endQuietly(time.Millisecond)
		var out bytes.Buffer
		err := log.reader(&out).follow(t.Context())
		gap, ok := errors.AsType[*LogGapError](err)
		require.True(t, ok, "got %v, output %q", err, out.String())
		assert.Len(t, gap.Gaps, 1)
		assert.ErrorContains(t, err, "reading the log of Pod/default/fake: lines may be missing between 2026-05-04T03:02:02.009Z and 2026-05-04T03:02:05.999Z")
		assert.Equal(t, "line 0\nline 1\n", out.String()[:14])
		assert.True(t, strings.HasPrefix(out.String()[14:], "line 400\n"))
	})
}

func TestFileReadTwiceTellsOfALostOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newFakeLog(lines(0, 300)...)
		log.fault = func(open int, _ bool) logFault { return logFault{skip: open == 0} }
		gate := make(chan struct{})
		out := &gatedWriter{gate: gate}
		done := make(chan error, 1)
		go func() { done <- log.reader(out).follow(t.Context()) }()
		synctest.Wait() // the reader is blocked within the first file
		log.rotate(lines(300, 600)...)
		log.rotate(lines(600, 1000)...)
		log.end()
		close(gate)
		err := <-done
		require.True(t, isGap(err), "got %v", err)
		want := log.whole()
		lost := want[strings.Index(want, "line 300\n"):strings.Index(want, "line 600\n")]
		assert.Equal(t, strings.Replace(want, lost, "", 1), out.String())
	})
}

func TestCompleteLogOfAFullFileIsNoGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newFakeLog(lines(0, 300)...)
		var out bytes.Buffer
		done := make(chan error, 1)
		go func() { done <- log.reader(&out).follow(t.Context()) }()
		synctest.Wait()
		log.rotate() // everything is in the old file, and the task ends without another word
		log.end()
		require.NoError(t, <-done)
		assert.Equal(t, log.whole(), out.String())
	})
}

func TestErrorTextInTheLog(t *testing.T) {
	const said = "unable to retrieve container logs for containerd://abc"
	t.Run("for a while", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			log := newFakeLog(lines(0, 3)...)
			log.fault = func(open int, _ bool) logFault { return logFault{text: []string{said, "", ""}[min(open, 2)]} }
			log.endQuietly(time.Millisecond)
			var out bytes.Buffer
			require.NoError(t, log.reader(&out).follow(t.Context()))
			assert.Equal(t, log.whole(), out.String())
		})
	})
	t.Run("for good", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			log := newFakeLog()
			log.fault = func(int, bool) logFault { return logFault{text: said} }
			log.endQuietly(time.Millisecond)
			var out bytes.Buffer
			err := log.reader(&out).follow(t.Context())
			require.EqualError(t, err, "reading the log of Pod/default/fake: the node says: "+said)
			assert.Empty(t, out.String())
		})
	})
	t.Run("after lines", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			log := newFakeLog(lines(0, 3)...)
			log.fault = func(int, bool) logFault { return logFault{text: said} }
			log.endQuietly(time.Millisecond)
			var out bytes.Buffer
			err := log.reader(&out).follow(t.Context())
			require.ErrorContains(t, err, "lines may be missing after 2026-05-04T03:02:02.019Z: the node says: "+said)
			assert.Equal(t, log.whole(), out.String())
		})
	})
}

func TestRefusedLog(t *testing.T) {
	forbidden := apierrors.NewForbidden(schema.GroupResource{Resource: "pods/log"}, "fake", errors.New("no"))
	for name, test := range map[string]struct {
		refuse error
		opens  int
	}{
		"for good":    {forbidden, 1},
		"for a while": {errCut, defaultLogPace().attempts + 2}, // one that follows, and the rest
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log := newFakeLog()
				log.fault = func(int, bool) logFault { return logFault{refuse: test.refuse} }
				log.endQuietly(time.Millisecond)
				err := log.reader(io.Discard).follow(t.Context())
				require.ErrorIs(t, err, test.refuse)
				assert.ErrorContains(t, err, "reading the log of Pod/default/fake: ")
				assert.Len(t, log.opens, test.opens)
			})
		})
	}
}

// An API server that restarts denies everything until it has read its roles.
func TestDeniedForAMoment(t *testing.T) {
	denied := apierrors.NewForbidden(schema.GroupResource{Resource: "pods/log"}, "fake", errors.New("no"))
	synctest.Test(t, func(t *testing.T) {
		log := newFakeLog(lines(0, 300)...)
		log.fault = func(open int, _ bool) logFault {
			switch {
			case open == 0:
				return logFault{limit: 100, cut: errCut}
			case open < 10:
				return logFault{refuse: denied}
			}
			return logFault{}
		}
		log.endQuietly(time.Millisecond)
		var out bytes.Buffer
		require.NoError(t, log.reader(&out).follow(t.Context()))
		assert.Equal(t, log.whole(), out.String())
	})
}

func TestPodIsDeletedWhileItsLogIsRead(t *testing.T) {
	missing := apierrors.NewNotFound(schema.GroupResource{Resource: "pods"}, "fake")
	synctest.Test(t, func(t *testing.T) {
		log := newFakeLog(lines(0, 3)...)
		log.fault = func(open int, _ bool) logFault {
			if open == 0 {
				return logFault{}
			}
			return logFault{refuse: missing}
		}
		log.endQuietly(time.Millisecond)
		log.gone = true
		err := log.reader(io.Discard).follow(t.Context())
		require.ErrorIs(t, err, missing)
		assert.True(t, isGap(err), "lines may have been missed")
		assert.Len(t, log.opens, 2)
	})
}

func TestWriterErrorEndsLogs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		full := errors.New("no space left on device")
		log := newFakeLog(lines(0, 300)...)
		err := log.reader(failingWriter{full}).follow(t.Context())
		require.ErrorIs(t, err, full)
		assert.EqualError(t, err, "reading the log of Pod/default/fake: writing the log: no space left on device")
	})
}

func TestSlowWriterIsNoStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newFakeLog(lines(0, 300)...)
		gate := make(chan struct{})
		out := &gatedWriter{gate: gate}
		done := make(chan error, 1)
		go func() { done <- log.reader(out).follow(t.Context()) }()
		time.Sleep(time.Hour)
		close(gate)
		log.end()
		require.NoError(t, <-done)
		assert.Equal(t, log.whole(), out.String())
		assert.Equal(t, 1, log.followed())
	})
}

func TestContextEndsLogs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newFakeLog(lines(0, 3)...)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var out bytes.Buffer
		begin := time.Now()
		err := log.reader(&out).follow(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, time.Minute, time.Since(begin))
		assert.Equal(t, log.whole(), out.String())
	})
}

func TestBeginningIsRotatedAwayBetweenTwoReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newFakeLog(lines(0, 30)...)
		var head logHead
		read := func() (string, error) {
			var out bytes.Buffer
			r := log.reader(&out)
			r.first = func(key pieceKey) (*LogGap, error) { return head.check(logName{}, key), nil }
			err := r.snapshot(t.Context())
			return out.String(), err
		}
		for range 2 {
			out, err := read()
			require.NoError(t, err)
			assert.Equal(t, log.whole(), out)
		}
		log.rotate(lines(30, 40)...)
		for range 2 {
			out, err := read()
			gap, ok := errors.AsType[*LogGapError](err)
			require.True(t, ok, "got %v", err)
			assert.Equal(t, []LogGap{{Before: time.Unix(0, line(30).stamp).UTC()}}, gap.Gaps)
			assert.True(t, strings.HasPrefix(out, "line 30\n"))
		}
		log.end()
	})
}

// For a moment after a rotation, and for ever if the task is silent from then on, the newest file is empty.
func TestNothingIsLeftOfALogThatWasReadBefore(t *testing.T) {
	for name, read := range map[string]func(*logReader, context.Context) error{"now": (*logReader).snapshot, "after the end": (*logReader).follow} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log := newFakeLog(lines(0, 30)...)
				var head logHead
				var out bytes.Buffer
				reader := func() *logReader {
					r := log.reader(&out)
					r.first = func(key pieceKey) (*LogGap, error) { return head.check(logName{}, key), nil }
					r.empty = func() *LogGap { return head.checkEmpty(logName{}) }
					return r
				}
				require.NoError(t, reader().snapshot(t.Context()))
				log.rotate()
				if name != "now" {
					log.end()
				}
				out.Reset()
				err := read(reader(), t.Context())
				gap, ok := errors.AsType[*LogGapError](err)
				require.True(t, ok, "got %v", err)
				assert.Equal(t, []LogGap{{}}, gap.Gaps)
				assert.ErrorContains(t, err, "lines may be missing everywhere")
				assert.Empty(t, out.String())
				if name == "now" {
					log.end()
				}
			})
		})
	}
	var head logHead
	assert.Nil(t, head.checkEmpty(logName{}), "a log that was never read may well be empty")
}

func TestSnapshotOfARunningTask(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newFakeLog(lines(0, 300)...)
		log.fault = func(open int, _ bool) logFault {
			if open == 0 {
				return logFault{limit: 1000, cut: errCut}
			}
			return logFault{}
		}
		var out bytes.Buffer
		require.NoError(t, log.reader(&out).snapshot(t.Context()))
		assert.Equal(t, log.whole(), out.String())
		assert.Zero(t, log.followed())
		log.end()
	})
}

// The runtime writes the last lines a moment after a container's end is known.
func TestLogTrailsTheNewsOfTheEnd(t *testing.T) {
	for name, read := range map[string]func(*logReader, context.Context) error{"follow": (*logReader).follow, "snapshot": (*logReader).snapshot} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log, ended := newFakeLog(), time.Now()
				log.end()
				time.AfterFunc(defaultLogPace().flush/2, func() { log.append(line(0)) })
				var out bytes.Buffer
				reader := log.reader(&out)
				reader.age = func() time.Duration { return time.Since(ended) }
				require.NoError(t, read(reader, t.Context()))
				assert.Equal(t, log.whole(), out.String())
				assert.Equal(t, defaultLogPace().flush, time.Since(ended))

				again := log.reader(&bytes.Buffer{})
				again.age = reader.age
				require.NoError(t, read(again, t.Context()))
				assert.Equal(t, defaultLogPace().flush, time.Since(ended), "what has ended for long is not waited for")
			})
		})
	}
}

// gatedWriter blocks until its gate is open.
type gatedWriter struct {
	gate <-chan struct{}
	bytes.Buffer
}

func (w *gatedWriter) Write(p []byte) (int, error) {
	<-w.gate
	return w.Buffer.Write(p)
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }
