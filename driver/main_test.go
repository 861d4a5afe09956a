package driver

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/orchestra-ci/orchestra-k8s/internal/testcluster"
)

func TestMain(m *testing.M) {
	if life := os.Getenv(lifeVariable); life != "" {
		os.Exit(anotherProcess(life))
	}
	if task := os.Getenv(followVariable); task != "" {
		os.Exit(followLog(task))
	}
	testcluster.Parallel()
	goleak.VerifyTestMain(m)
}
