package main

import (
	"strconv"
	"strings"
)

// columns is the width of the recorded terminal.
const columns = 150

// cell is one character and how it looks.
type cell struct {
	char  rune
	style string // the parameter of the SGR sequence that is in force: "", "1", "2", "31", ...
}

// interpret plays what was written to a terminal and returns the lines that are left in the end. It knows what kubectl-orchestra writes: line
// breaks, colours, going up, and erasing to the end of the screen. Long lines are broken as a terminal breaks them.
func interpret(text string) [][]cell {
	lines, style := [][]cell{nil}, ""
	row := 0
	at := 0
	runes := []rune(text)
	for i := 0; i < len(runes); i++ {
		switch char := runes[i]; {
		case char == '\x1b' && i+1 < len(runes) && runes[i+1] == '[':
			parameter, command, length := sequence(runes[i+2:])
			i += 1 + length
			switch command {
			case 'm':
				style = strings.TrimLeft(parameter, "0")
			case 'A':
				up, _ := strconv.Atoi(parameter)
				row = max(0, row-up)
			case 'J':
				lines = append(lines[:row:row], lines[row][:min(at, len(lines[row]))])
			}
		case char == '\r':
			at = 0
		case char == '\n':
			row++
			for row >= len(lines) {
				lines = append(lines, nil)
			}
		default:
			if at == columns {
				row, at = row+1, 0
				lines = append(lines[:row:row], append([][]cell{nil}, lines[row:]...)...)
			}
			lines[row] = append(lines[row][:at:at], append([]cell{{char, style}}, lines[row][min(at+1, len(lines[row])):]...)...)
			at++
		}
	}
	return lines
}

// sequence reads a control sequence after its introducer.
func sequence(runes []rune) (parameter string, command rune, length int) {
	for i, char := range runes {
		if char >= '@' && char <= '~' {
			return string(runes[:i]), char, i + 1
		}
	}
	return "", 0, len(runes)
}
