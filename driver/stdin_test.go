package driver

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func TestStdinIsDeliveredWhole(t *testing.T) {
	random := make([]byte, 1<<20+7)
	source := rand.NewChaCha8([32]byte{})
	_, _ = source.Read(random)
	for name, input := range map[string][]byte{"nothing": {}, "a byte": {0}, "binary": random} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				conn, task := newFakeAttach(), newFakeTask()
				require.NoError(t, task.feed(attachTo(conn)).run(t.Context(), bytes.NewReader(input)))
				assert.True(t, bytes.Equal(input, conn.received()))
				assert.Equal(t, []string{stdinSending, stdinDelivered}, task.states)
				assert.Equal(t, 1, conn.closings)
			})
		})
	}
}

// What the server says, and what the task does, decide together.
func TestStdinVerdicts(t *testing.T) {
	success, failure := attachAnswer{given: true}, attachAnswer{given: true, err: errors.New("the server says: connection reset by peer")}
	exited := attachAnswer{given: true, err: errors.New("the server says: Internal error occurred: error attaching to container: no running task found")}
	for name, test := range map[string]struct {
		answer attachAnswer
		early  bool // the answer comes while there still is input
		ends   bool // the task ends, and the news comes late
		code   bool // its exit code is 0
		want   string
	}{
		"all sent, no status":                       {answer: noStatus(errCut), want: stdinIncomplete},
		"all sent, no status, the task ends with 0": {answer: noStatus(errCut), ends: true, code: true, want: stdinIncomplete},
		"all sent, failure, the task goes on":       {answer: failure, want: stdinIncomplete},
		"all sent, failure, the task ends with 0":   {answer: failure, ends: true, code: true, want: stdinIncomplete},
		"all sent, failure, the task fails":         {answer: failure, ends: true, want: stdinSending},
		"cut half-way, the task ends with 0":        {answer: noStatus(errCut), early: true, ends: true, code: true, want: stdinIncomplete},
		"cut half-way, the task goes on":            {answer: noStatus(errCut), early: true, want: stdinIncomplete},
		"cut half-way, the task fails":              {answer: noStatus(errCut), early: true, ends: true, want: stdinSending},
		"not read, the task ends with 0":            {answer: success, early: true, ends: true, code: true, want: stdinUnread},
		"not read, the task fails":                  {answer: success, early: true, ends: true, want: stdinSending},
		"not read, the task goes on":                {answer: success, early: true, want: stdinIncomplete},
		"gone before the attach":                    {answer: exited, early: true, ends: true, code: true, want: stdinUnread},
		"gone before the attach, all sent":          {answer: exited, ends: true, code: true, want: stdinUnread},
		"not attached, the task goes on":            {answer: exited, early: true, want: stdinIncomplete},
		"failure half-way, the task ends with 0":    {answer: failure, early: true, ends: true, code: true, want: stdinIncomplete},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				conn, task := newFakeAttach(), newFakeTask()
				conn.onClose, task.zero = test.answer, test.code
				input, more := io.Pipe()
				go func() {
					_, _ = more.Write([]byte("input"))
					if test.early {
						time.Sleep(time.Second)
						conn.answer <- test.answer
						return
					}
					more.Close()
				}()
				defer more.Close() // only now, if early: nobody may wait for more input
				if test.ends {
					time.AfterFunc(3*time.Second, func() { close(task.over) })
				}
				err := task.feed(attachTo(conn)).run(t.Context(), input)
				assert.Equal(t, test.want, task.states[len(task.states)-1])
				if test.want == stdinIncomplete {
					require.ErrorIs(t, err, task.why)
					assert.Error(t, task.why)
					return
				}
				require.NoError(t, err)
			})
		})
	}
}

func TestStdinReaderFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, task := newFakeAttach(), newFakeTask()
		task.events = func(state string) {
			if state == stdinIncomplete {
				assert.Zero(t, conn.closings, "the task must not see an end of its input before it is marked")
			}
		}
		err := task.feed(attachTo(conn)).run(t.Context(), &brokenReader{left: 100})
		require.ErrorIs(t, err, errReader)
		assert.Equal(t, []string{stdinSending, stdinIncomplete}, task.states)
		assert.Len(t, conn.received(), 100)
		assert.Equal(t, 1, conn.closings)
	})
}

// A terminal may have nothing to say until the task has ended.
func TestStdinOfAQuietReader(t *testing.T) {
	for name, test := range map[string]struct {
		answer attachAnswer
		state  string
	}{
		"the server confirms the end":       {answer: attachAnswer{given: true}, state: stdinUnread},
		"the connection has broken in time": {answer: noStatus(errCut), state: stdinIncomplete},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				conn, task, began := newFakeAttach(), newFakeTask(), time.Now()
				conn.onClose = test.answer
				time.AfterFunc(time.Hour, func() { close(task.over) })
				input, more := io.Pipe()
				defer more.Close()
				err := task.feed(attachTo(conn)).run(t.Context(), input)
				require.ErrorIs(t, err, test.answer.err)
				assert.Equal(t, time.Hour, time.Since(began))
				assert.Equal(t, []string{stdinSending, test.state}, task.states)
			})
		})
	}
}

// Nothing tells that a connection is dead if the network between swallows all.
func TestStdinOfAQuietReaderOnADeadConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, task, began := newFakeAttach(), newFakeTask(), time.Now()
		conn.dead = true
		time.AfterFunc(time.Hour, func() { close(task.over) })
		input, more := io.Pipe()
		defer more.Close()
		err := task.feed(attachTo(conn)).run(t.Context(), input)
		require.ErrorIs(t, err, errNoStatus)
		assert.Equal(t, time.Hour+defaultStdinPace().exit, time.Since(began))
		assert.Equal(t, []string{stdinSending, stdinIncomplete}, task.states)
	})
}

func TestStdinConnectionBreaks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, task := newFakeAttach(), newFakeTask()
		conn.limit = 100
		err := task.feed(attachTo(conn)).run(t.Context(), strings.NewReader(strings.Repeat("x", 1000)))
		require.ErrorIs(t, err, errCut)
		require.ErrorIs(t, err, errNoStatus)
		assert.Equal(t, []string{stdinSending, stdinIncomplete}, task.states)
	})
}

func TestStdinWaitsForASlowTask(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, task := newFakeAttach(), newFakeTask()
		conn.gate = make(chan struct{})
		time.AfterFunc(3*time.Hour, func() { close(conn.gate) })
		require.NoError(t, task.feed(attachTo(conn)).run(t.Context(), strings.NewReader("late")))
		assert.Equal(t, "late", string(conn.received()))
		assert.Equal(t, []string{stdinSending, stdinDelivered}, task.states)
	})
}

func TestStdinEndsWithTheDriver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, task := newFakeAttach(), newFakeTask()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		input, more := io.Pipe()
		err := task.feed(attachTo(conn)).run(ctx, input)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, []string{stdinSending}, task.states, "what is not known to have arrived is no success")
		assert.Equal(t, 1, conn.closings)
		more.Close() // and with it the goroutine that was blocked in Read
	})
}

func TestStdinAttachIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, task := newFakeAttach(), newFakeTask()
		tries := 0
		err := task.feed(func(context.Context) (attachment, error) {
			if tries++; tries < 50 {
				return nil, io.ErrUnexpectedEOF // an API server that restarts
			}
			return conn, nil
		}).run(t.Context(), strings.NewReader("x"))
		require.NoError(t, err)
		assert.Equal(t, []string{stdinSending, stdinDelivered}, task.states)
	})
}

// An attach whose answer was lost may have been made. Then the task has seen an end of its input, and nothing must be taken for success.
func TestStdinAttachIsLost(t *testing.T) {
	for name, test := range map[string]struct {
		ends, zero bool
		states     []string
	}{
		"the task goes on":      {states: []string{stdinSending, stdinIncomplete}},
		"the task ends with 0":  {ends: true, zero: true, states: []string{stdinSending, stdinIncomplete}},
		"the task ends with 25": {ends: true, states: []string{stdinSending}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				task, tries := newFakeTask(), 0
				if task.zero = test.zero; test.ends {
					time.AfterFunc(time.Second, func() { close(task.over) })
				}
				err := task.feed(func(context.Context) (attachment, error) {
					tries++
					return nil, &attachLostError{io.ErrUnexpectedEOF}
				}).run(t.Context(), strings.NewReader("x"))
				assert.Equal(t, test.states, task.states)
				assert.Equal(t, 1, tries, "a second attach finds a stdin that is closed")
				if test.states[len(test.states)-1] == stdinIncomplete {
					require.ErrorIs(t, err, io.ErrUnexpectedEOF)
				}
			})
		})
	}
}

// A connection that breaks before anything was sent ends the task's input as well.
func TestStdinConnectionBreaksBeforeTheFirstByte(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, task := newFakeAttach(), newFakeTask()
		conn.answer <- noStatus(errCut)
		time.AfterFunc(time.Second, func() { close(task.over) })
		err := task.feed(attachTo(conn)).run(t.Context(), strings.NewReader("x"))
		require.ErrorIs(t, err, errCut)
		assert.Equal(t, []string{stdinSending, stdinIncomplete}, task.states)
	})
}

// A second driver that is given the same task leaves its stdin to the one that sends it, and ends the task if that one has died.
func TestStdinOfAnotherDriver(t *testing.T) {
	for name, test := range map[string]struct {
		holder string
		signs  int
		ends   time.Duration // 0: never
		states []string
		took   time.Duration
	}{
		"it is delivered":         {holder: stdinDelivered},
		"it was cut":              {holder: "incomplete: why"},
		"the sender lives":        {holder: "sending: other/1", signs: 100, ends: time.Hour / 2, took: time.Hour / 2},
		"the sender is dead":      {holder: "sending: other/1", states: []string{stdinIncomplete}, took: shortestSweep},
		"the sender dies":         {holder: "sending: other/1", signs: 7, states: []string{stdinIncomplete}, took: 4 * shortestSweep},
		"the task ends meanwhile": {holder: "sending: other/1", ends: time.Second, took: time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				task, began := newFakeTask(), time.Now()
				task.holder, task.signs = test.holder, test.signs
				if test.ends > 0 {
					time.AfterFunc(test.ends, func() { close(task.over) })
				}
				input := &brokenReader{left: 100}
				err := task.feed(func(context.Context) (attachment, error) {
					assert.Fail(t, "it must not attach")
					return nil, errCut
				}).run(t.Context(), input)
				assert.Equal(t, test.states, task.states)
				assert.Equal(t, 100, input.left)
				assert.Equal(t, test.took, time.Since(began))
				if test.states != nil {
					require.ErrorIs(t, err, errSenderDied)
					return
				}
				require.NoError(t, err)
			})
		})
	}
}

func TestStdinAttachIsRefused(t *testing.T) {
	forbidden := apierrors.NewForbidden(schema.GroupResource{Resource: "pods/attach"}, "task", errors.New("no"))
	for name, test := range map[string]struct {
		refusal error
		ends    bool
		tries   int
		states  []string
	}{
		"forbidden":                      {refusal: forbidden, tries: 13, states: []string{stdinSending, stdinIncomplete}},
		"again and again":                {refusal: apierrors.NewBadRequest("not running"), tries: 13, states: []string{stdinSending, stdinIncomplete}},
		"because the task is over":       {refusal: apierrors.NewBadRequest("not running"), ends: true, tries: 1, states: []string{stdinSending, stdinUnread}},
		"forbidden, to one that is over": {refusal: forbidden, ends: true, tries: 1, states: []string{stdinSending, stdinUnread}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				task, tries := newFakeTask(), 0
				if test.ends {
					close(task.over)
				}
				err := task.feed(func(context.Context) (attachment, error) {
					tries++
					return nil, test.refusal
				}).run(t.Context(), strings.NewReader("x"))
				assert.Equal(t, test.states, task.states)
				assert.Equal(t, test.tries, tries)
				if test.ends {
					require.NoError(t, err)
					return
				}
				require.ErrorIs(t, err, test.refusal)
			})
		})
	}
}

func TestStdinVerdictOfAnnotation(t *testing.T) {
	for value, want := range map[string]struct {
		undecided bool
		problem   string
	}{
		"":                       {},
		stdinPending:             {},
		stdinDelivered:           {},
		stdinUnread:              {},
		stdinSending:             {undecided: true},
		"sending: instance/1":    {undecided: true},
		"incomplete: it was cut": {problem: "it was cut"},
		"incomplete":             {problem: "the reason was not recorded"},
	} {
		undecided, problem := stdinVerdict(value)
		assert.Equal(t, want.undecided, undecided, value)
		assert.Equal(t, want.problem, problem, value)
	}
}
