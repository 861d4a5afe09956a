//go:build unix

package terminal

import (
	"os"
	"syscall"
)

// resized are the signals of a terminal whose size has changed.
var resized = []os.Signal{syscall.SIGWINCH}
