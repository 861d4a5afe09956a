package driver

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fakeSocket is the server's end of a WebSocket.
type fakeSocket struct {
	mu       sync.Mutex
	sent     [][]byte    // messages of the client
	pings    int         // that keep the connection awake
	answers  []string    // to pings of the server
	messages chan string // to the client; closed at the end of the connection
	pongs    chan string // to the client, which waits for each
	deaf     bool        // does not answer pings
	onPing   func(string) error
	onPong   func(string) error
}

func newFakeSocket() *fakeSocket {
	return &fakeSocket{messages: make(chan string, 10), pongs: make(chan string, 1)}
}

func (s *fakeSocket) NextReader() (int, io.Reader, error) {
	for {
		select {
		case message, ok := <-s.messages:
			if !ok {
				return 0, nil, io.ErrUnexpectedEOF
			}
			return binaryMessage, strings.NewReader(message), nil
		case data := <-s.pongs:
			if err := s.onPong(data); err != nil {
				return 0, nil, err
			}
		}
	}
}

func (s *fakeSocket) SetPingHandler(h func(string) error) { s.onPing = h }
func (s *fakeSocket) SetPongHandler(h func(string) error) { s.onPong = h }

func (s *fakeSocket) WriteMessage(kind int, data []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if kind != binaryMessage {
		return errors.New("not binary")
	}
	s.sent = append(s.sent, bytes.Clone(data))
	return nil
}

func (s *fakeSocket) WriteControl(kind int, data []byte, deadline time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !deadline.IsZero():
		return errors.New("the deadline stays on the connection")
	case kind == pongMessage:
		s.answers = append(s.answers, string(data))
	case kind != pingMessage:
		return errors.New("not a ping")
	case len(data) == 0:
		s.pings++
	case !s.deaf:
		s.pongs <- string(data)
	}
	return nil
}

func (s *fakeSocket) NetConn() net.Conn { return fakeConn{socket: s} }

// fakeConn is the connection below a fakeSocket.
type fakeConn struct {
	net.Conn
	socket *fakeSocket
}

// Write takes whole frames of a client, all of one record of TLS.
func (c fakeConn) Write(p []byte) (int, error) {
	if len(p) > 16<<10 {
		return 0, fmt.Errorf("%d bytes", len(p))
	}
	for rest := p; len(rest) > 0; {
		kind, length, masked := rest[0]&0xf, int(rest[1]&0x7f), rest[2:]
		if rest[0]&0x80 == 0 || rest[1]&0x80 == 0 || length == 127 {
			return 0, errors.New("not a short, final frame of a client")
		}
		if length == 126 {
			length, masked = int(binary.BigEndian.Uint16(masked)), masked[2:]
		}
		mask, data := masked[:4], bytes.Clone(masked[4:4+length])
		for i := range data {
			data[i] ^= mask[i%4]
		}
		send := func() error { return c.socket.WriteMessage(int(kind), data) }
		if kind == pingMessage {
			send = func() error { return c.socket.WriteControl(int(kind), data, time.Time{}) }
		}
		if err := send(); err != nil {
			return 0, err
		}
		rest = masked[4+length:]
	}
	return len(p), nil
}

func (s *fakeSocket) frames() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sent)
}

func (s *fakeSocket) Close() error {
	close(s.messages)
	return nil
}

func TestWebSocketSendsFrames(t *testing.T) {
	synctest.Test(t, testFrames)
}

func testFrames(t *testing.T) {
	socket := newFakeSocket()
	a := newWebSocketAttachment(socket)
	input := bytes.Repeat([]byte("0123456789"), 10_000)
	n, err := a.Write(input)
	require.NoError(t, err)
	assert.Equal(t, len(input), n)
	require.NoError(t, a.CloseWrite())
	require.NoError(t, a.Close())

	var got []byte
	for _, frame := range socket.sent[:len(socket.sent)-1] {
		assert.Zero(t, frame[0], "channel 0 is stdin")
		got = append(got, frame[1:]...)
	}
	assert.True(t, bytes.Equal(input, got))
	assert.Equal(t, []byte{255, 0}, socket.sent[len(socket.sent)-1], "the end of stdin")
}

// What a task does not read stays here, and not in buffers that are lost with the connection when the task ends.
func TestWebSocketSendsNoMoreThanIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		socket := newFakeSocket()
		socket.deaf = true
		a := newWebSocketAttachment(socket)
		done := make(chan error, 1)
		go func() {
			_, err := a.Write(make([]byte, 1<<20))
			done <- err
		}()
		for read := range 3 {
			time.Sleep(time.Hour)
			assert.Equal(t, read+1, socket.frames())
			socket.pongs <- string(binary.BigEndian.AppendUint64(nil, uint64(read+1)))
		}
		synctest.Wait()
		require.NoError(t, a.Close())
		require.ErrorIs(t, <-done, io.ErrClosedPipe)
	})
}

func TestWebSocketAnswers(t *testing.T) {
	const success, failure = `{"metadata":{},"status":"Success"}`, `{"status":"Failure","message":"no such container"}`
	for name, test := range map[string]struct {
		messages []string
		given    bool
		err      string
	}{
		"success":              {messages: []string{"\x03" + success}, given: true},
		"failure":              {messages: []string{"\x03" + failure}, given: true, err: "the server says: no such container"},
		"in parts":             {messages: []string{"\x03" + success[:7], "\x03" + success[7:]}, given: true},
		"after other messages": {messages: []string{"", "\x01output", "\xff\x00", "\x03" + success}, given: true},
		"none":                 {err: "the connection ended without the server's status: unexpected EOF"},
		"half of one":          {messages: []string{"\x03" + success[:7]}, err: "the connection ended without the server's status: unexpected EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			socket := newFakeSocket()
			for _, message := range test.messages {
				socket.messages <- message
			}
			if !test.given {
				close(socket.messages)
			}
			a := newWebSocketAttachment(socket)
			answer := <-a.Answer()
			assert.Equal(t, test.given, answer.given)
			if test.err == "" {
				require.NoError(t, answer.err)
			} else {
				require.EqualError(t, answer.err, test.err)
			}
			if test.given {
				require.NoError(t, a.Close())
			}
		})
	}
}

func TestWebSocketIsKeptAwake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		socket := newFakeSocket()
		a := newWebSocketAttachment(socket)
		time.Sleep(10*time.Minute + time.Second)
		require.NoError(t, socket.onPing("are you there?"))
		require.NoError(t, a.Close())
		socket.mu.Lock()
		defer socket.mu.Unlock()
		assert.Equal(t, 30, socket.pings)
		assert.Equal(t, []string{"are you there?"}, socket.answers)
	})
}

// client-go's executor takes a SPDY connection that breaks for a success.
func TestSPDYAnswers(t *testing.T) {
	for name, test := range map[string]struct {
		stream string
		given  bool
		err    error
	}{
		"success":           {stream: `{"status":"Success"}`, given: true},
		"a broken one":      {stream: "", err: errNoStatus},
		"half of an answer": {stream: `{"status":"Succ`, err: errNoStatus},
	} {
		t.Run(name, func(t *testing.T) {
			a := newSPDYAttachment(io.NopCloser(nil), nil, strings.NewReader(test.stream))
			answer := <-a.Answer()
			assert.Equal(t, test.given, answer.given)
			require.ErrorIs(t, answer.err, test.err)
			require.NoError(t, a.Close())
		})
	}
}
