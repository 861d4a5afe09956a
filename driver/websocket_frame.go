package driver

import (
	"encoding/binary"
	"math/rand/v2"
)

// appendFrame appends a whole frame of less than 64 KiB as a client sends it (RFC 6455, section 5.2). gorilla's Conn can write only one frame
// at a time.
func appendFrame(b []byte, kind byte, parts ...[]byte) []byte {
	const final, masked, long = 0x80, 0x80, 126
	length := 0
	for _, part := range parts {
		length += len(part)
	}
	b = append(b, final|kind)
	if length < long {
		b = append(b, masked|byte(length))
	} else {
		b = binary.BigEndian.AppendUint16(append(b, masked|long), uint16(length))
	}
	var mask [4]byte
	binary.NativeEndian.PutUint32(mask[:], rand.Uint32())
	b = append(b, mask[:]...)
	begin := len(b)
	for _, part := range parts {
		b = append(b, part...)
	}
	for i := range b[begin:] {
		b[begin+i] ^= mask[i%4]
	}
	return b
}
