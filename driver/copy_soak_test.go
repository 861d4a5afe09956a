//go:build soak

package driver

import (
	"fmt"
	"testing"
)

// TestSoakCopy copies 100,000 small files in and out, whose names have spaces, line breaks, leading dashes, and characters outside of ASCII.
func TestSoakCopy(t *testing.T) {
	odd := []string{"-rf ", "a b ", "line\nbreak", " ", "ü日本", "--", "'$(x)\"\\", "plain"}
	copyManyFiles(t, 100_000, func(i int) string { return fmt.Sprintf("%d/%s%d", i/1000, odd[i%len(odd)], i) })
}
