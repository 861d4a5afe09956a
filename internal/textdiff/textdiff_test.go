package textdiff

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func format(lines []Line) string {
	var text strings.Builder
	for _, line := range lines {
		text.WriteString(string(line.Op) + line.Text + "\n")
	}
	return text.String()
}

func TestLines(t *testing.T) {
	assert.Nil(t, Lines("a\n", "a\n"))
	assert.Nil(t, Lines("a\n", "a"), "a break behind the last line makes no other line")
	assert.Equal(t, "-a\n+b\n", format(Lines("a", "b")))
	assert.Equal(t, "@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n@\n", format(Lines("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nfive\n6\n7\n8\n9\n")))
	assert.Equal(t, " a\n+b\n c\n", format(Lines("a\nc\n", "a\nb\nc\n")))
}

// Whatever the texts are, the lines hold both of them whole.
func FuzzLines(f *testing.F) {
	f.Add("a\nb\nc", "a\nc\nd")
	f.Fuzz(func(t *testing.T, one, other string) {
		var ones, others []string
		for _, line := range compare(split(one), split(other)) {
			if line.Op != Add {
				ones = append(ones, line.Text)
			}
			if line.Op != Remove {
				others = append(others, line.Text)
			}
		}
		assert.Equal(t, split(one), ones)
		assert.Equal(t, split(other), others)
	})
}
