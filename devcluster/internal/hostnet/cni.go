package hostnet

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
)

// Network is what the CNI plugins of one cluster are told.
type Network struct {
	Name    string // unique on this machine
	Bridge  string
	Pods    netip.Prefix
	Gateway netip.Addr // the bridge's address
	Leases  string     // folder in which host-local notes who has which address
}

// resultCache is where libcni keeps the result of every successful ADD.
const resultCache = "/var/lib/cni/results"

// CNI returns the plugin chain as JSON. isGateway stays off on purpose: the
// bridge has its address already, and the plugin would switch on IP forwarding
// for the whole machine.
func (n Network) CNI() ([]byte, error) {
	bridge := map[string]any{
		"type":      "bridge",
		"bridge":    n.Bridge,
		"isGateway": false,
		"ipMasq":    false,
		"ipam": map[string]any{
			"type":    "host-local",
			"dataDir": n.Leases,
			"ranges":  [][]map[string]string{{{"subnet": n.Pods.String(), "gateway": n.Gateway.String()}}},
			"routes":  []map[string]string{{"dst": "0.0.0.0/0", "gw": n.Gateway.String()}},
		},
	}
	return json.MarshalIndent(map[string]any{
		"cniVersion": "0.4.0",
		"name":       n.Name,
		"plugins":    []any{bridge},
	}, "", "  ")
}

// Forget removes what libcni remembers about the network's containers.
func Forget(network string) error {
	results, err := filepath.Glob(filepath.Join(resultCache, network+"-*"))
	if err != nil {
		return fmt.Errorf("listing CNI results: %w", err)
	}
	for _, result := range results {
		if err := os.Remove(result); err != nil && !os.IsNotExist(err) {
			return fmt.Errorf("removing CNI result: %w", err)
		}
	}
	return nil
}
