package process

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fields are those of a stat line from the third on, up to the start time 4242.
const fields = " 1 1 1 0 -1 4194560 100 0 0 0 0 0 0 0 20 0 1 0 4242 1000 100\n"

func TestParseStat(t *testing.T) {
	for _, name := range []string{"sleep", "a b", "a) S (b", ""} {
		start, ended, err := parseStat("7 (" + name + ") S" + fields)
		require.NoError(t, err, name)
		assert.Equal(t, uint64(4242), start, name)
		assert.False(t, ended, name)
	}
}

func TestAZombieHasEnded(t *testing.T) {
	_, ended, err := parseStat("7 (sleep) Z" + fields)
	require.NoError(t, err)
	assert.True(t, ended)
}

func TestStatLineThatIsCutOff(t *testing.T) {
	for _, stat := range []string{"", "7 (sleep", "7 (sleep) S 1 1"} {
		_, _, err := parseStat(stat)
		assert.ErrorContains(t, err, "unexpected stat line", stat)
	}
}
