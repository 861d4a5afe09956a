// Package lazygc lets the heap of a short-lived program grow to five times what is in use before it is collected, where $GOGC does not say
// otherwise. Most commands end before a collection is worth its time. It is a package because packages are initialised in the order of their
// paths once their imports are (go.dev/ref/spec, Program initialization): this one, which imports next to nothing, comes before those that fill the
// heap at their own initialisation. In main it would come last.
package lazygc

import (
	"os"
	"runtime/debug"
)

const percent = 400

func init() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(percent)
	}
}
