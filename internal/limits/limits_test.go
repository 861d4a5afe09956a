package limits

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchestra-ci/orchestra-k8s/render"
)

func TestCPUSharesGoThereAndBack(t *testing.T) {
	for millicores := int64(1); millicores <= 10_000; millicores++ {
		shares, err := CPUShares(fmt.Sprintf("%dm", millicores))
		require.NoError(t, err)
		require.Equal(t, millicores, render.Millicores(shares))
	}
	shares, err := CPUShares("0.5")
	require.NoError(t, err)
	assert.Equal(t, int64(512), shares)
}

func TestMemory(t *testing.T) {
	for text, want := range map[string]int64{"512Mi": 512 << 20, "1": 1, "2G": 2e9, "0.5Gi": 1 << 29} {
		bytes, err := Memory(text)
		require.NoError(t, err)
		assert.Equal(t, want, bytes, text)
	}
}

func TestWhatIsNoLimit(t *testing.T) {
	for _, text := range []string{"", "0", "-1", "lots", "1 Mi", "9e99", "\x1b"} {
		_, err := CPUShares(text)
		assert.ErrorContains(t, err, "is no number of CPUs, such as 2, 0.5 or 500m", "%q", text)
		_, err = Memory(text)
		assert.ErrorContains(t, err, "is no amount of memory, such as 512Mi or 2Gi", "%q", text)
	}
}
