package sanitize

import "strings"

// A format says which strings Kubernetes accepts in one kind of place.
type format struct {
	max        int    // in bytes, as Kubernetes counts
	upper      bool   // upper-case letters are allowed
	separators string // allowed between letters and digits
	dotted     bool   // each piece between dots begins and ends with a letter or digit
}

var (
	label      = format{max: 63, separators: "-"}
	subdomain  = format{max: 253, separators: "-.", dotted: true}
	labelValue = format{max: 63, separators: "-._", upper: true}
)

// sanitize keeps a valid single string and hashes the rest. A kept string never looks hashed, a hashed one
// always does, so the two never meet.
func (f format) sanitize(parts []string) string {
	if len(parts) == 1 && f.valid(parts[0]) && !looksHashed(parts[0]) {
		return parts[0]
	}
	return f.readable(parts) + hashSuffix(parts)
}

func (f format) valid(s string) bool {
	if len(s) > f.max {
		return false
	}
	if !f.dotted {
		return f.validPiece(s)
	}
	for piece := range strings.SplitSeq(s, ".") {
		if !f.validPiece(piece) {
			return false
		}
	}
	return true
}

func (f format) validPiece(s string) bool {
	if s == "" || !f.alphanumeric(s[0]) || !f.alphanumeric(s[len(s)-1]) {
		return false
	}
	for i := range len(s) {
		if !f.alphanumeric(s[i]) && !f.separator(s[i]) {
			return false
		}
	}
	return true
}

// readable returns what a person can still recognise of the parts, joined with hyphens: letters and digits,
// and between them a single separator. That is valid in the format, and stays so wherever it is cut
// behind a letter or digit. It leaves room for the hash and is never empty.
func (f format) readable(parts []string) string {
	room := f.max - suffixLen
	out := make([]byte, 0, room+1)
	var pending byte // the separator owed before the next letter or digit
	for _, part := range parts {
		for i := 0; i < len(part) && len(out) < room; i++ {
			c := f.fold(part[i])
			switch {
			case f.alphanumeric(c):
				if pending != 0 && len(out) > 0 {
					out = append(out, pending)
				}
				out = append(out, c)
				pending = 0
			case pending == 0 && f.separator(c):
				pending = c
			default:
				pending = '-'
			}
		}
		pending = '-'
	}
	if len(out) == 0 {
		return "x"
	}
	return strings.TrimRight(string(out[:min(len(out), room)]), f.separators)
}

// fold lowers ASCII letters only: what Unicode would fold to ASCII, such as the Kelvin sign, is not a letter
// to Kubernetes.
func (f format) fold(c byte) byte {
	if !f.upper && 'A' <= c && c <= 'Z' {
		return c + ('a' - 'A')
	}
	return c
}

func (f format) alphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || f.upper && 'A' <= c && c <= 'Z'
}

func (f format) separator(c byte) bool {
	return strings.IndexByte(f.separators, c) >= 0
}
