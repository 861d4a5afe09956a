//go:build !unix

package terminal

import "os"

// resized is empty: nobody tells of a change here, and the size of the beginning stays.
var resized []os.Signal
