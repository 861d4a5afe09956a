package driver

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/moby/spdystream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// openSPDY asks a server for a stream that agrees to speak SPDY, and then does what next does.
func openSPDY(t *testing.T, ctx context.Context, next func(net.Conn)) error {
	at := hijackingServer(t, func(conn net.Conn) {
		_, err := fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: %s\r\n\r\n", spdyProtocols[0])
		assert.NoError(t, err)
		next(conn)
	})
	_, _, err := negotiateSPDY(ctx, dialing(at), at, "error")
	return err
}

// A server that agrees to a connection and never confirms a stream holds up neither the call nor a goroutine.
func TestSPDYStreamIsNeverConfirmed(t *testing.T) {
	before := goleak.IgnoreCurrent()
	for name, test := range map[string]struct {
		next func(conn net.Conn, cancel func())
		want error
	}{
		"the context ends":    {func(conn net.Conn, cancel func()) { cancel(); _, _ = io.Copy(io.Discard, conn) }, context.Canceled},
		"the connection ends": {func(net.Conn, func()) {}, io.ErrUnexpectedEOF},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			began := time.Now()
			err := openSPDY(t, ctx, func(conn net.Conn) {
				header := make([]byte, 8) // of a frame; the length are its last three bytes
				_, err := io.ReadFull(conn, header)
				assert.NoError(t, err)
				_, err = io.CopyN(io.Discard, conn, int64(binary.BigEndian.Uint32(header[4:])&(1<<24-1)))
				assert.NoError(t, err)
				test.next(conn, cancel)
			})
			require.ErrorIs(t, err, test.want)
			assert.True(t, isLostAttach(err), "the server begins to work when it has confirmed the last stream")
			assert.Less(t, time.Since(began), 25*time.Second, "httpstream waits for 30 s")
		})
	}
	goleak.VerifyNone(t, before)
}

// What a message of stdin and its ping take on the way is one write: the next one would meet a connection that the node has closed.
func TestSPDYInputIsWrittenAtOnce(t *testing.T) {
	before := goleak.IgnoreCurrent()
	got := make(chan []byte, 1)
	near, far := net.Pipe()
	server, err := spdystream.NewConnection(far, true)
	require.NoError(t, err)
	go server.Serve(func(stream *spdystream.Stream) {
		assert.NoError(t, stream.SendReply(http.Header{}, false))
		go func() {
			text, err := io.ReadAll(stream)
			assert.NoError(t, err)
			got <- text
		}()
	})
	below := &writeSizes{Conn: near}
	conn, err := newSPDYConnection(below)
	require.NoError(t, err)
	streams, err := conn.open(t.Context(), []string{"stdin"})
	require.NoError(t, err)
	below.all = nil

	const header, ping = 8, 12
	text := bytes.Repeat([]byte("0123456789"), 500)
	input := newSPDYInput(conn, streams[0])
	n, err := input.Write(text)
	require.NoError(t, err)
	assert.Equal(t, len(text), n)
	require.NoError(t, input.Close())
	assert.Equal(t, text, <-got)
	assert.Equal(t, []int{header + 1024 + ping, header + 2048 + ping, header + 5000 - 1024 - 2048 + ping, header}, below.all)
	require.NoError(t, conn.Close())
	require.NoError(t, far.Close())
	goleak.VerifyNone(t, before)
}

// writeSizes notes how much is written at a time.
type writeSizes struct {
	net.Conn
	all []int
}

func (w *writeSizes) Write(p []byte) (int, error) {
	w.all = append(w.all, len(p))
	return w.Conn.Write(p)
}
