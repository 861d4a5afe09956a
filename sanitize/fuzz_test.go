package sanitize_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// The seeds are the files of testdata/fuzz.
func FuzzLabel(f *testing.F)      { f.Fuzz(label.checkContract) }
func FuzzSubdomain(f *testing.F)  { f.Fuzz(subdomain.checkContract) }
func FuzzLabelValue(f *testing.F) { f.Fuzz(labelValue.checkContract) }

// checkContract checks any two strings, alone and as a tuple.
func (f function) checkContract(t *testing.T, a, b string) {
	seen := &results{inputs: map[string][]string{}}
	for _, input := range [][]string{
		{a}, {b}, {a, b}, {b, a}, {a + b}, {a + "-" + b}, {a + "-", b}, {a, "-" + b}, {a, ""}, {"", a}, {a, "", b},
		{f.sanitize(a)}, {f.sanitize(a, b)}, {f.sanitize(f.sanitize(a))},
	} {
		seen.add(t, input)
		if len(input) == 1 && f.keeps(input[0]) {
			assert.Equal(t, input[0], f.sanitize(input...), "%s keeps a valid string", f.name)
		}
	}
}
