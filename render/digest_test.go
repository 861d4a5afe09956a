package render

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func TestDigestsOfDifferentObjectsDiffer(t *testing.T) {
	values := []any{
		nil, true, false, "true", "null", "", int64(1), 1.5, "1", "1.5", []any{}, []any{nil}, []any{"a", "b"}, []any{"ab"}, []any{[]any{"a"}, "b"}, []any{[]any{"a", "b"}},
		map[string]any{}, map[string]any{"a": "b"}, map[string]any{"a": nil}, map[string]any{"a": "b", "c": "d"}, map[string]any{"a": map[string]any{"b": "c"}, "d": "e"},
		map[string]any{"a": map[string]any{"b": "c", "d": "e"}}, "m1:s1:as1:b", "s1:a",
	}
	seen := map[string]any{}
	for _, value := range values {
		object := &unstructured.Unstructured{Object: map[string]any{"x": value}}
		sum := digest([]*unstructured.Unstructured{object})
		assert.NotContains(t, seen, sum, "%v and %v", value, seen[sum])
		assert.Equal(t, sum, digest([]*unstructured.Unstructured{object.DeepCopy()}))
		seen[sum] = value
	}
}

func TestDigestsTellNothingOfASecret(t *testing.T) {
	of := func(kind string, field string, values map[string]any) string {
		return digest([]*unstructured.Unstructured{{Object: map[string]any{"apiVersion": "v1", "kind": kind, field: values}}})
	}
	for _, field := range []string{"data", "stringData"} {
		password := of("Secret", field, map[string]any{"password": "aHVudGVyMg=="})
		assert.Equal(t, password, of("Secret", field, map[string]any{"password": "c2VjcmV0"}))
		assert.NotEqual(t, password, of("Secret", field, map[string]any{"token": "aHVudGVyMg=="}))
		assert.NotEqual(t, password, of("Secret", field, nil))
	}
	assert.NotEqual(t, of("ConfigMap", "data", map[string]any{"a": "1"}), of("ConfigMap", "data", map[string]any{"a": "2"}))
}
