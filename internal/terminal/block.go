package terminal

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Block is some lines of a terminal that are written again and again in the same place. It is not safe for concurrent use.
type Block struct {
	w     io.Writer
	width int // of the terminal
	lines int // that are shown now
}

// NewBlock begins at the cursor. Lines are cut to the width, as a wrapped line could not be found again.
func NewBlock(w io.Writer, width int) *Block { return &Block{w: w, width: width} }

// Show replaces what is shown. The text must have been made harmless by Clean; colours count as no characters.
func (b *Block) Show(text string) error {
	var screen strings.Builder
	b.rewind(&screen)
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for _, line := range lines {
		screen.WriteString(cut(line, b.width) + "\n")
	}
	b.lines = len(lines)
	_, err := io.WriteString(b.w, screen.String())
	return err
}

// Clear removes what is shown; the cursor is where it was at the beginning.
func (b *Block) Clear() {
	var screen strings.Builder
	b.rewind(&screen)
	b.lines = 0
	_, _ = io.WriteString(b.w, screen.String())
}

// rewind goes up to the first line and erases from there to the end of the screen.
func (b *Block) rewind(screen *strings.Builder) {
	if b.lines > 0 {
		fmt.Fprintf(screen, "\x1b[%dA\x1b[J", b.lines)
	}
}

// cut shortens a line to width visible characters and ends a colour that would be cut off.
func cut(line string, width int) string {
	if width <= 0 || utf8.RuneCountInString(line) < width {
		return line
	}
	var short strings.Builder
	visible, inEscape, coloured := 0, false, false
	for _, r := range line {
		switch {
		case r == '\x1b':
			inEscape, coloured = true, true
		case inEscape:
			inEscape = r != 'm'
		case visible == width-1:
			if coloured {
				short.WriteString("\x1b[0m")
			}
			return short.String()
		default:
			visible++
		}
		short.WriteRune(r)
	}
	return short.String()
}
