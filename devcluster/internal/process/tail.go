package process

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
)

// tailBytes bounds how much of the end of a log is read to find its last lines.
const tailBytes = 64 << 10

// lineBytes bounds what is shown of one line: some programs log whole objects.
const lineBytes = 500

// Tail returns the last lines of a log, at most n, indented for a message.
// A log that cannot be read is said so in the result: the caller is already
// reporting another error.
func Tail(path string, n int) string {
	lines, err := lastLines(path, n)
	if err != nil {
		return fmt.Sprintf("    (no log: %v)", err)
	}
	if len(lines) == 0 {
		return fmt.Sprintf("    (%s is empty)", path)
	}
	return "    " + strings.Join(lines, "\n    ")
}

func lastLines(path string, n int) ([]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	if _, err := f.Seek(max(0, size-tailBytes), io.SeekStart); err != nil {
		return nil, err
	}
	end, err := io.ReadAll(f)
	if err != nil {
		return nil, err
	}
	end = bytes.TrimRight(end, "\n")
	if len(end) == 0 {
		return nil, nil
	}
	lines := strings.Split(string(end), "\n")
	lines = lines[max(0, len(lines)-n):]
	for i, line := range lines {
		if len(line) > lineBytes {
			lines[i] = strings.ToValidUTF8(line[:lineBytes], "") + " ..."
		}
	}
	return lines, nil
}
