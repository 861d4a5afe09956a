package sanitize

import (
	"crypto/sha256"
	"encoding/binary"
	"strings"
)

const (
	// digits are those of Kubernetes' own generated names (k8s.io/apimachinery/pkg/util/rand): without vowels
	// no words appear. Without 0, 1 and 3 most numbers, timestamps among them, do not look hashed.
	digits = "bcdfghjklmnpqrstvwxz2456789"

	// hashLen digits of 27 are 61.8 bits, the most that fit in the 64 that are used of the sum.
	hashLen = 13

	suffixLen = len("-") + hashLen
)

// hashSuffix returns a hyphen and the hash of the tuple. The length before each part makes the encoding of
// different tuples differ, whatever bytes the parts hold.
func hashSuffix(parts []string) string {
	var encoded []byte
	for _, part := range parts {
		encoded = binary.AppendUvarint(encoded, uint64(len(part)))
		encoded = append(encoded, part...)
	}
	sum := sha256.Sum256(encoded)
	n := binary.BigEndian.Uint64(sum[:8])

	suffix := [suffixLen]byte{'-'}
	for i := 1; i < suffixLen; i++ {
		suffix[i] = digits[n%uint64(len(digits))]
		n /= uint64(len(digits))
	}
	return string(suffix[:])
}

// looksHashed reports whether s ends as a result of hashSuffix does.
func looksHashed(s string) bool {
	start := len(s) - suffixLen
	return start > 0 && s[start] == '-' && strings.Trim(s[start+1:], digits) == ""
}
