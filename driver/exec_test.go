package driver

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// scriptedStream is the other end of an exec request. play gets the mark that the program was told, and writes what the container would.
type scriptedStream struct {
	program chan string
	closed  chan struct{}
	play    func(mark string, stdout, stderr io.Writer) attachAnswer
}

func newScriptedStream(play func(mark string, stdout, stderr io.Writer) attachAnswer) *scriptedStream {
	return &scriptedStream{program: make(chan string, 100), closed: make(chan struct{}), play: play}
}

func (s *scriptedStream) Write(p []byte) (int, error) {
	select {
	case s.program <- string(p):
	default: // nobody looks at the rest
	}
	return len(p), nil
}

func (s *scriptedStream) Close() error {
	select {
	case <-s.closed:
	default:
		close(s.closed)
	}
	return nil
}

func (s *scriptedStream) resize(TerminalSize) error { return nil }

func (s *scriptedStream) receive(stdout, stderr io.Writer) attachAnswer {
	<-s.program // its length
	_, rest, _ := strings.Cut(<-s.program, `\036`)
	mark, _, _ := strings.Cut(rest, " ")
	answer := s.play("\x1e"+mark, stdout, stderr)
	if answer == stillRuns {
		<-s.closed
		return noStatus(net.ErrClosed)
	}
	return answer
}

// stillRuns is the answer of a process that goes on until the connection is closed.
var stillRuns = attachAnswer{code: -1}

// played runs a process on a scripted stream.
func played(ctx context.Context, p process, play func(mark string, stdout, stderr io.Writer) attachAnswer) (int, error) {
	if p.stdout == nil {
		p.stdout = io.Discard
	}
	p.stderr, p.frame = io.Discard, 1<<10
	e := newExecution(p, newScriptedStream(play))
	defer e.close(true)
	return e.run(ctx)
}

func TestExecNeedsBothEnds(t *testing.T) {
	success := attachAnswer{given: true}
	for name, test := range map[string]struct {
		stdout, stderr string // MARK stands for the mark
		answer         attachAnswer
		code           int
		problem        string
	}{
		"whole":                        {"MARK at 7\nhello\nMARK end 3\n", "MARK end 3\nMARK bye\n", success, 3, ""},
		"a success without ends":       {"MARK at 7\nhello\n", "", success, 0, "though the server says that it was a success"},
		"stderr is missing":            {"MARK at 7\nhello\nMARK end 0\n", "", success, 0, errNoEnd.Error()},
		"stdout is missing":            {"MARK at 7\nhel", "MARK end 0\n", success, 0, errNoEnd.Error()},
		"a cut mark":                   {"MARK at 7\nhello\nMARK en", "MARK end 0\n", success, 0, errNoEnd.Error()},
		"a broken connection":          {"MARK at 7\n", "", noStatus(io.ErrUnexpectedEOF), 0, "unexpected EOF"},
		"the whole group was killed":   {"MARK at 7\n", "", attachAnswer{given: true, code: 137, err: errors.New("killed")}, 0, "exit code 137"},
		"another mark":                 {"MARK at 7\n\x1eother end 0\n", "\x1eother end 0\n", success, 0, errNoEnd.Error()},
		"no such directory":            {"", "cd: can't cd to x\n", attachAnswer{given: true, code: 125, err: errors.New("125")}, 0, "can't cd to x"},
		"nothing was started":          {"", "", success, 0, errNoEnd.Error()},
		"a success that was not begun": {"", "", attachAnswer{given: true, code: 1, err: errors.New("no busybox")}, 0, "no busybox"},
	} {
		t.Run(name, func(t *testing.T) {
			code, err := played(t.Context(), process{command: []string{"x"}}, func(mark string, stdout, stderr io.Writer) attachAnswer {
				_, _ = io.WriteString(stdout, strings.ReplaceAll(test.stdout, "MARK", mark))
				_, _ = io.WriteString(stderr, strings.ReplaceAll(test.stderr, "MARK", mark))
				return test.answer
			})
			if test.problem != "" {
				require.ErrorContains(t, err, test.problem)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, test.code, code)
		})
	}
}

// What hands on stdin answers the driver's "bye" before it goes.
func TestExecDoesNotTrustAStdinThatNobodyHandedOn(t *testing.T) {
	for name, test := range map[string]struct {
		said  string // on stderr, behind the end of stdout
		whole bool
	}{
		"to the end":                       {"MARK end 0\nMARK bye\n", true},
		"gone without a word":              {"MARK end 0\n", false},
		"cut":                              {"MARK cut\n", false},
		"cut, while the command has ended": {"MARK cut\nMARK end 0\nMARK bye\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := played(t.Context(), process{command: []string{"x"}, stdin: strings.NewReader("in")}, func(mark string, stdout, stderr io.Writer) attachAnswer {
				_, _ = io.WriteString(stdout, mark+" at 7\n"+mark+" end 0\n")
				_, _ = io.WriteString(stderr, strings.ReplaceAll(test.said, "MARK", mark))
				return attachAnswer{given: true}
			})
			if test.whole {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, errStdinCut)
		})
	}
}

func TestExecHandsOnOutputWithoutMarks(t *testing.T) {
	var out bytes.Buffer
	_, err := played(t.Context(), process{command: []string{"x"}, stdout: &out}, func(mark string, stdout, stderr io.Writer) attachAnswer {
		_, _ = io.WriteString(stdout, mark+" at 1\none\x1e\n"+mark[:5])
		_, _ = io.WriteString(stdout, "two\n"+mark+" end 0\nfrom the background\n")
		_, _ = io.WriteString(stderr, mark+" end 0\n")
		return attachAnswer{given: true}
	})
	require.NoError(t, err)
	assert.Contains(t, out.String(), "two\n")
	assert.True(t, strings.HasPrefix(out.String(), "one\x1e\n\x1e"))
	assert.NotContains(t, out.String(), "end 0")
}

func TestExecReportsWritersAndReaders(t *testing.T) {
	full := errors.New("disk full")
	_, err := played(t.Context(), process{command: []string{"x"}, stdout: fullDisk{full}}, func(mark string, stdout, _ io.Writer) attachAnswer {
		_, _ = io.WriteString(stdout, mark+" at 1\n")
		if _, err := io.WriteString(stdout, "hello"); err != nil {
			return noStatus(err)
		}
		return attachAnswer{given: true}
	})
	require.ErrorIs(t, err, full)

	_, err = played(t.Context(), process{command: []string{"x"}, stdin: &brokenReader{left: 10}}, func(mark string, stdout, _ io.Writer) attachAnswer {
		_, _ = io.WriteString(stdout, mark+" at 1\n")
		return stillRuns
	})
	assert.ErrorIs(t, err, errReader)
}

type fullDisk struct{ err error }

func (w fullDisk) Write([]byte) (int, error) { return 0, w.err }

// Wherever a stream is cut into writes, the reader hands on the same bytes and hears the same words.
func TestMarkReaderAtEveryCut(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	mark := "\x1eSECRET"
	for range 2000 {
		var text strings.Builder
		var plain strings.Builder
		for range random.IntN(6) {
			piece := []string{"a", "\x1e", "\x1eSEC", "\x1e\x1eSECRE", "long text\n", mark}[random.IntN(6)]
			if piece == mark {
				text.WriteString(mark + " end 5\n")
				continue
			}
			text.WriteString(piece + "|")
			plain.WriteString(piece + "|")
		}
		var out bytes.Buffer
		words := 0
		m := &markReader{mark: []byte(mark), to: &out, heed: func(said string) {
			assert.Equal(t, "end 5", said)
			words++
		}}
		for rest := text.String(); rest != ""; {
			n := 1 + random.IntN(len(rest))
			_, err := io.WriteString(m, rest[:n])
			require.NoError(t, err)
			rest = rest[n:]
		}
		assert.Equal(t, strings.Count(text.String(), mark), words)
		assert.Equal(t, plain.String(), out.String()+string(m.held))
	}
}

func TestProcessesThatCannotBe(t *testing.T) {
	for name, p := range map[string]process{
		"no command":       {},
		"an empty command": {command: []string{""}},
		"a NUL":            {command: []string{"a", "b\x00"}},
		"no variable":      {command: []string{"a"}, env: map[string]string{"a=b": "c"}},
		"a NUL value":      {command: []string{"a"}, env: map[string]string{"A": "secret\x00"}},
		"a NUL directory":  {command: []string{"a"}, dir: "a\x00"},
	} {
		err := p.validate()
		require.Error(t, err, name)
		assert.NotContains(t, err.Error(), "secret")
	}
	assert.NoError(t, process{command: []string{"a", ""}, env: map[string]string{"a.b": ""}}.validate())
}
