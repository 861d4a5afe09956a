package main

import (
	"errors"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTable(t *testing.T) {
	const printed = `goos: linux
BenchmarkClusterLogs/ended-2         	       1	180970150694 ns/op	   5.8 MB/s	         1.6 MB/s-x-kubectl
--- BENCH: BenchmarkOther
BenchmarkWait  	     100	      9807 ns/op	        -0.037 ms-to-Wait-p50
PASS
`
	var out strings.Builder
	require.NoError(t, tabulate(strings.NewReader(printed), &out))
	assert.Equal(t, printed+`
BENCHMARK          MEASURED        SEEN  BESIDE, IN THE SAME RUN
ClusterLogs/ended  MB/s            5.8
ClusterLogs/ended  MB/s            1.6 times  kubectl
Wait               ms-to-Wait-p50  -0.037
`, out.String())
}

func TestOutputThatBreaksOff(t *testing.T) {
	broken := errors.New("broken")
	require.ErrorIs(t, tabulate(iotest.ErrReader(broken), &strings.Builder{}), broken)
}
