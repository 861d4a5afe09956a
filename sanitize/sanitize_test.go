package sanitize_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/orchestra-ci/orchestra-k8s/sanitize"
)

// A function under test, beside Kubernetes' own opinion of what it may return.
type function struct {
	name     string
	sanitize func(parts ...string) string
	problems func(value string) []string
	max      int
}

var (
	label      = function{"Label", sanitize.Label, validation.IsDNS1123Label, validation.DNS1123LabelMaxLength}
	subdomain  = function{"Subdomain", sanitize.Subdomain, validation.IsDNS1123Subdomain, validation.DNS1123SubdomainMaxLength}
	labelValue = function{"LabelValue", sanitize.LabelValue, validation.IsValidLabelValue, validation.LabelValueMaxLength}
	functions  = []function{label, subdomain, labelValue}
)

// looksHashed reports whether s ends as the documentation says of results that are not their input. It is
// no regular expression, as those take most of the time under the race detector.
func looksHashed(s string) bool {
	before, hash, found := strings.Cut(s[max(len(s)-14, 0):], "-")
	return found && before == "" && len(s) > 14 && strings.Trim(hash, "bcdfghjklmnpqrstvwxz2456789") == ""
}

// keeps reports whether the contract says that s stays as it is.
func (f function) keeps(s string) bool {
	return s != "" && len(f.problems(s)) == 0 && !looksHashed(s)
}

// boundaries are the lengths around the hash and around both limits, without and with it.
var boundaries = []int{
	1, 2, 14, 15, 48, 49, 50, 51, 62, 63, 64, 65, 238, 239, 240, 241, 252, 253, 254, 255, 4096,
}

func TestLengthBoundaries(t *testing.T) {
	for _, f := range functions {
		for _, length := range boundaries {
			plain := strings.Repeat("abcdefghi0", length)[:length]
			if length <= f.max {
				assert.Equal(t, plain, f.sanitize(plain), "%s keeps %d valid bytes", f.name, length)
			}
			for _, parts := range [][]string{
				{plain},
				{plain, ""},
				{plain, "b"},
				{"b", plain},
				{plain[:length-1] + "-"},
				{plain[:length-1] + "é"},
				{"-" + plain[1:]},
				{strings.Repeat("a-", length)[:length]},
				{strings.Repeat("a.", length)[:length]},
				{strings.Repeat("-", length)},
				{strings.Repeat("é", length)},
			} {
				got := f.sanitize(parts...)
				assert.Empty(t, f.problems(got), "%s(%q) = %q", f.name, parts, got)
				if len(parts) == 1 && f.keeps(parts[0]) {
					assert.Equal(t, parts[0], got, f.name)
				} else {
					assert.True(t, looksHashed(got), "%s(%q) = %q", f.name, parts, got)
				}
			}
		}
	}
}

func TestCutLeavesRoomForTheWholeHash(t *testing.T) {
	for _, f := range functions {
		long := strings.Repeat("a", f.max+1)
		assert.Len(t, f.sanitize(long), f.max, f.name)
		assert.NotEqual(t, f.sanitize(long+"a"), f.sanitize(long+"b"), "%s: the end was cut, yet counts", f.name)

		room := f.max - len("-") - 13
		hyphenAtTheCut := strings.Repeat("a", room-1) + "-" + long
		assert.Regexp(t, "^a+-[^-]{13}$", f.sanitize(hyphenAtTheCut), "%s: no second hyphen before the hash", f.name)
	}
}

func TestWhatIsKept(t *testing.T) {
	for _, test := range []struct {
		in                           string
		label, subdomain, labelValue bool
	}{
		{in: "a", label: true, subdomain: true, labelValue: true},
		{in: "7", label: true, subdomain: true, labelValue: true},
		{in: "a--b", label: true, subdomain: true, labelValue: true},
		{in: "123e4567-e89b-12d3-a456-426614174000", label: true, subdomain: true, labelValue: true},
		{in: "build-1732462270123", label: true, subdomain: true, labelValue: true},
		{in: "a.b", subdomain: true, labelValue: true},
		{in: "a..b", labelValue: true},
		{in: "a.-b", labelValue: true},
		{in: "a-.b", labelValue: true},
		{in: "a_b", labelValue: true},
		{in: "A", labelValue: true},
		{in: "build-bcdfghjklmnp", label: true, subdomain: true, labelValue: true},
		{in: "build-22222222222222", label: true, subdomain: true, labelValue: true},
		{in: "build-222222222222", label: true, subdomain: true, labelValue: true},
		{in: "bcdfghjklmnpq", label: true, subdomain: true, labelValue: true},
		{in: "build-bcdfghjklmnpq"},
		{in: ""},
		{in: "-a"},
		{in: "a-"},
		{in: ".a"},
		{in: "a."},
		{in: "_a"},
		{in: "a b"},
		{in: "a/b"},
		{in: "a\n"},
		{in: "é"},
		{in: "\xff"},
		{in: "\u212a"}, // the Kelvin sign, which folds to k
	} {
		assert.Equal(t, test.label, sanitize.Label(test.in) == test.in, "Label keeps %q", test.in)
		assert.Equal(t, test.subdomain, sanitize.Subdomain(test.in) == test.in, "Subdomain keeps %q", test.in)
		assert.Equal(t, test.labelValue, sanitize.LabelValue(test.in) == test.in, "LabelValue keeps %q", test.in)
	}
}

func TestValidStringDoesNotAllocate(t *testing.T) {
	assert.Zero(t, testing.AllocsPerRun(100, func() { sanitize.Label("build-7") }), "Label")
	assert.Zero(t, testing.AllocsPerRun(100, func() { sanitize.Subdomain("build-7") }), "Subdomain")
	assert.Zero(t, testing.AllocsPerRun(100, func() { sanitize.LabelValue("build-7") }), "LabelValue")
}
