package testcluster

import (
	"os"
	"testing"
)

// KubectlVariable is the environment variable that names a kubectl for benchmarks, which `make bench` sets. One that happens to
// be on the path is not used: its version decides what is measured.
const KubectlVariable = "ORCHESTRA_TEST_KUBECTL"

// Kubectl returns the path of the kubectl that benchmarks measure the driver beside. Without one the benchmark fails with advice.
func Kubectl(t testing.TB) string {
	t.Helper()
	path := os.Getenv(KubectlVariable)
	if path == "" {
		t.Fatalf("This benchmark needs a kubectl: make bench builds one; $%s=/path/to/kubectl names yours.", KubectlVariable)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("finding the kubectl that $%s names: %v", KubectlVariable, err)
	}
	return path
}
