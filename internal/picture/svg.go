package main

import (
	"fmt"
	"html"
	"strings"
)

// Measures of the picture, in pixels.
const (
	charWidth  = 7.3
	lineHeight = 17
	margin     = 16
)

// looks are the attributes of each style, on a dark ground.
var looks = map[string]string{
	"":   "",
	"1":  ` font-weight="bold"`,
	"2":  ` opacity="0.6"`,
	"31": ` fill="#f7768e"`,
	"32": ` fill="#9ece6a"`,
	"33": ` fill="#e0af68"`,
}

// svg draws the lines of a terminal. It is text, so it can be searched, and read aloud.
func svg(lines [][]cell) string {
	for len(lines) > 0 && len(lines[len(lines)-1]) == 0 {
		lines = lines[:len(lines)-1]
	}
	widest := 0
	for _, line := range lines {
		widest = max(widest, len(line))
	}
	width, height := int(float64(widest)*charWidth)+2*margin, len(lines)*lineHeight+2*margin
	var text strings.Builder
	fmt.Fprintf(&text, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img" aria-label="A terminal">`+"\n", width, height, width, height)
	fmt.Fprintf(&text, `<rect width="100%%" height="100%%" rx="8" fill="#1a1b26"/>`+"\n")
	text.WriteString(`<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="12" fill="#c0caf5" xml:space="preserve">` + "\n")
	for i, line := range lines {
		fmt.Fprintf(&text, `<text x="%d" y="%d">%s</text>`+"\n", margin, margin+lineHeight*i+lineHeight*3/4, spans(line))
	}
	text.WriteString("</g>\n</svg>\n")
	return text.String()
}

// spans puts characters of one style together. Each span says where it begins, so that fonts of another width stay aligned.
func spans(line []cell) string {
	var text strings.Builder
	for begin := 0; begin < len(line); {
		end := begin
		var chars strings.Builder
		for ; end < len(line) && line[end].style == line[begin].style; end++ {
			chars.WriteRune(line[end].char)
		}
		fmt.Fprintf(&text, `<tspan x="%.1f" textLength="%.1f"%s>%s</tspan>`,
			margin+float64(begin)*charWidth, float64(end-begin)*charWidth, looks[line[begin].style], html.EscapeString(chars.String()))
		begin = end
	}
	return text.String()
}
