package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestCompletionOffersNothingThatATerminalWouldObey(t *testing.T) {
	for _, name := range []string{"build-7", "Build 7/ä", ""} {
		assert.True(t, offerable([]string{"other"}, name), "%q", name)
	}
	for _, name := range []string{"other", "a\nb", "a\tb", "\x1b[2J", "a\rb", "\u202egnp.exe", "\x00"} {
		assert.False(t, offerable([]string{"other"}, name), "%q", name)
	}
}
