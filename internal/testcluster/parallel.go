package testcluster

import (
	"flag"
	"runtime"
	"strconv"
)

// Parallel lets eight parallel tests of this binary run at a time, unless -parallel says otherwise: tests on a cluster wait for its
// node, not for this machine's processors. It is for TestMain.
func Parallel() {
	flag.Parse()
	if flag.Lookup("test.parallel").Value.String() == strconv.Itoa(runtime.GOMAXPROCS(0)) {
		_ = flag.Set("test.parallel", "8")
	}
}
