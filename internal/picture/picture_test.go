package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func plain(lines [][]cell) string {
	var text strings.Builder
	for _, line := range lines {
		for _, c := range line {
			text.WriteRune(c.char)
		}
		text.WriteByte('\n')
	}
	return text.String()
}

func TestInterpret(t *testing.T) {
	for text, want := range map[string]string{
		"a\r\nb":                              "a\nb\n",
		"wait 1\r\n\x1b[1A\x1b[Jwait 2\r\n":   "wait 2\n\n",
		"gone\r\n\x1b[1A\x1b[Jdone\r\nend":    "done\nend\n",
		"one\r\ntwo\r\n\x1b[2A\x1b[Jthree":    "three\n",
		"overwritten\rnew":                    "newrwritten\n",
		strings.Repeat("x", columns) + "tail": strings.Repeat("x", columns) + "\ntail\n",
	} {
		assert.Equal(t, want, plain(interpret(text)), "%q", text)
	}
	assert.Equal(t, []cell{{'a', "31"}, {'b', ""}}, interpret("\x1b[31ma\x1b[0mb")[0])
}

func TestSVGIsXMLAndEscapesText(t *testing.T) {
	picture := svg(interpret("\x1b[32m<ok> & \"done\"\x1b[0m\r\n\r\n"))
	assert.Contains(t, picture, `fill="#9ece6a">&lt;ok&gt; &amp; &#34;done&#34;</tspan>`)
	wellFormed(t, picture)
}

func TestTheReadmesPicture(t *testing.T) {
	picture, err := os.ReadFile("../../docs/run.svg")
	require.NoError(t, err)
	wellFormed(t, string(picture))
	for _, want := range []string{"orchestra run build-7", "built", "OOMKilled", "orchestra ps", "orchestra status hungry"} {
		assert.Contains(t, string(picture), want)
	}
	assert.NotContains(t, string(picture), "/root")
}

func wellFormed(t *testing.T, text string) {
	t.Helper()
	decoder := xml.NewDecoder(strings.NewReader(text))
	for {
		_, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		require.NoError(t, err)
	}
}
