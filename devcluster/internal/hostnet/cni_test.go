package hostnet

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCNIChangesNothingOfTheMachine(t *testing.T) {
	network := Network{
		Name: "dev-1234", Bridge: "odc-1234", Leases: "/leases",
		Pods: netip.MustParsePrefix("10.213.0.0/22"), Gateway: netip.MustParseAddr("10.213.0.1"),
	}
	config, err := network.CNI()
	require.NoError(t, err)
	assert.JSONEq(t, `{
		"cniVersion": "0.4.0",
		"name": "dev-1234",
		"plugins": [{
			"type": "bridge",
			"bridge": "odc-1234",
			"isGateway": false,
			"ipMasq": false,
			"ipam": {
				"type": "host-local",
				"dataDir": "/leases",
				"ranges": [[{"subnet": "10.213.0.0/22", "gateway": "10.213.0.1"}]],
				"routes": [{"dst": "0.0.0.0/0", "gw": "10.213.0.1"}]
			}
		}]
	}`, string(config))
}
