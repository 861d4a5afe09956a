package address

import (
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSlotsDoNotOverlap(t *testing.T) {
	ports := map[int]int{}
	for slot := range slots {
		p := Plan{slot}
		for s := range servers {
			port := p.Port(s)
			other, taken := ports[port]
			require.False(t, taken, "port %d of slots %d and %d", port, other, slot)
			ports[port] = slot
		}
		if slot > 0 {
			require.False(t, p.Pods().Overlaps(Plan{slot - 1}.Pods()))
		}
		require.True(t, p.Pods().Contains(p.Node()))
	}
}

func TestATakenSlotIsNotGivenAgain(t *testing.T) {
	first, err := Free(nil)
	require.NoError(t, err)
	second, err := Free(map[int]bool{first.Slot: true})
	require.NoError(t, err)
	assert.NotEqual(t, first, second)
}

func TestASlotIsTakenIfOnePortIs(t *testing.T) {
	p, err := Free(nil)
	require.NoError(t, err)
	listener, err := net.Listen("tcp", p.Local(Scheduler))
	require.NoError(t, err)
	assert.False(t, p.Free())

	other, err := Free(nil)
	require.NoError(t, err)
	assert.NotEqual(t, p, other)

	require.NoError(t, listener.Close())
}
