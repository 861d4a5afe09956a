package driver

import (
	"encoding/binary"
	"net"
	"sync/atomic"
)

// spdyFrames is the connection below spdystream, which writes a frame in pieces. This writes it at once, and so does every server on the way.
type spdyFrames struct {
	net.Conn
	paired  atomic.Bool // data goes together with the frame behind it
	pending []byte
}

// Write is called by one goroutine at a time: spdystream holds a lock while it writes a frame.
func (f *spdyFrames) Write(p []byte) (int, error) {
	f.pending = append(f.pending, p...)
	if len(p) == 0 || f.waits() { // empty data is written, too
		return len(p), nil
	}
	_, err := f.Conn.Write(f.pending)
	f.pending = f.pending[:0]
	return len(p), err
}

// waits says that there is more to come, of a frame or behind it. A frame has a header of 8 bytes: a bit that data does not have, and in the end a byte of
// flags and three of the length of the rest. The last data of a stream has a flag.
func (f *spdyFrames) waits() bool {
	const header, control, final = 8, 0x80, 1
	data := false
	for rest := f.pending; len(rest) > 0; {
		if len(rest) < header {
			return true
		}
		length := header + int(binary.BigEndian.Uint32(rest[4:])&(1<<24-1))
		if len(rest) < length {
			return true
		}
		data = rest[0]&control == 0 && rest[4]&final == 0
		rest = rest[length:]
	}
	return data && f.paired.Load()
}
