package process

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fields are those of a stat line from the third on, up to the start time 4242.
const fields = " 1 1 1 0 -1 4194560 100 0 0 0 0 0 0 0 20 0 1 0 4242 1000 100\n"

func TestParseStat(t *testing.T) {
	for _, name := range []string{"sleep", "a b", "a) S (b", ""} {
		start, err := parseStat("7 (" + name + ") S" + fields)
		require.NoError(t, err, name)
		assert.Equal(t, uint64(4242), start, name)
	}
}

func TestAZombieIsDone(t *testing.T) {
	_, err := parseStat("7 (sleep) Z" + fields)
	assert.ErrorIs(t, err, os.ErrProcessDone)
}

func TestStatLineThatIsCutOff(t *testing.T) {
	for _, stat := range []string{"", "7 (sleep", "7 (sleep) S 1 1"} {
		_, err := parseStat(stat)
		assert.ErrorContains(t, err, "unexpected stat line", stat)
	}
}
