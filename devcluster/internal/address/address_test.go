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
		for _, port := range []int{
			p.APIServer(), p.Etcd(), p.EtcdPeer(), p.ControllerManager(), p.Scheduler(), p.Kwok(), p.Registry(),
		} {
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

func TestASlotIsTakenIfOnePortIs(t *testing.T) {
	p, err := Free()
	require.NoError(t, err)
	listener, err := net.Listen("tcp", Local(p.Scheduler()))
	require.NoError(t, err)
	assert.False(t, p.Free())

	other, err := Free()
	require.NoError(t, err)
	assert.NotEqual(t, p, other)

	require.NoError(t, listener.Close())
}
