package render

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// JSON encodes a value so that YAML reads it as the same value. Characters that JSON may hold as they are, but that YAML
// folds or refuses (line breaks of other scripts, controls, non-characters), are escaped.
//
// Templates quote with it (`toJson`), and the body of a server-side apply needs it too: the API server parses that as YAML
// (k8s.io/apiserver pkg/endpoints/handlers/patch.go).
func JSON(value any) ([]byte, error) {
	raw, err := json.Marshal(value)
	if err != nil || bytes.IndexFunc(raw, needsEscape) < 0 {
		return raw, err
	}
	escaped := make([]byte, 0, len(raw)+64)
	for _, r := range string(raw) {
		if needsEscape(r) {
			escaped = fmt.Appendf(escaped, `\u%04x`, r)
			continue
		}
		escaped = append(escaped, string(r)...)
	}
	return escaped, nil
}

func needsEscape(r rune) bool {
	return r >= 0x7f && r < 0xa0 || r == 0x2028 || r == 0x2029 || r == 0xfeff || r == 0xfffe || r == 0xffff
}
