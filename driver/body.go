package driver

import (
	"bytes"
	"encoding/json"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// applyBody encodes an object for an apply. The server reads the body as YAML, which is a superset of JSON but for some
// characters that JSON lets stand in a string: DEL, the C1 controls, the byte order mark and U+FFFE refuse the document,
// and a NEL is a line break (go.yaml.in/yaml/v2 readerc.go, scannerc.go). They are escaped; a string's value stays the same.
//
// Characters outside of the basic plane are left alone: JSON escapes them as two surrogates, which YAML refuses.
func applyBody(obj *unstructured.Unstructured) ([]byte, error) {
	data, err := json.Marshal(obj.Object)
	if err != nil {
		return nil, fmt.Errorf("encoding: %w", err)
	}
	if !bytes.ContainsFunc(data, breaksYAML) {
		return data, nil
	}
	var escaped bytes.Buffer
	for _, r := range string(data) {
		if breaksYAML(r) {
			fmt.Fprintf(&escaped, `\u%04x`, r)
		} else {
			escaped.WriteRune(r)
		}
	}
	return escaped.Bytes(), nil
}

func breaksYAML(r rune) bool {
	return r >= 0x7f && r <= 0x9f || r == 0xfeff || r == 0xfffe || r == 0xffff
}
