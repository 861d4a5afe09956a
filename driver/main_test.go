package driver

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if life := os.Getenv(lifeVariable); life != "" {
		os.Exit(anotherProcess(life))
	}
	goleak.VerifyTestMain(m)
}
