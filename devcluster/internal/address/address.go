// Package address shares out ports and networks, so that several clusters can
// run on one machine.
package address

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
)

const (
	slots        = 64
	firstPort    = 24300 // below the range that Linux gives to outgoing connections
	portsPerSlot = 10
)

// Services is the range of service addresses. It is the same in all clusters:
// nothing routes to it, as there is no kube-proxy.
const Services = "10.212.0.0/16"

// FirstService is the address of the service kubernetes.default, which the API
// server's certificate names.
const FirstService = "10.212.0.1"

// Plan is the ports on 127.0.0.1 and the network of one cluster. It follows
// from the slot alone, which is what a cluster has to remember.
type Plan struct{ Slot int }

func (p Plan) port(n int) int { return firstPort + p.Slot*portsPerSlot + n }

// The ports on 127.0.0.1.

func (p Plan) APIServer() int         { return p.port(0) }
func (p Plan) Etcd() int              { return p.port(1) }
func (p Plan) EtcdPeer() int          { return p.port(2) }
func (p Plan) ControllerManager() int { return p.port(3) }
func (p Plan) Scheduler() int         { return p.port(4) }
func (p Plan) Kwok() int              { return p.port(5) }
func (p Plan) Registry() int          { return p.port(6) }

// Pods is the network of the pods on the real node, room for 1,000 of them.
func (p Plan) Pods() netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 213, byte(p.Slot * 4), 0}), 22)
}

// Node is the real node's address: the bridge's own, the pods' gateway.
func (p Plan) Node() netip.Addr { return p.Pods().Addr().Next() }

// Local returns "127.0.0.1:port".
func Local(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// Free returns the plan of the lowest slot of which no port is taken and whose
// pod network meets no address of this machine.
func Free() (Plan, error) {
	for slot := range slots {
		if p := (Plan{slot}); p.Free() {
			return p, nil
		}
	}
	return Plan{}, fmt.Errorf("finding free ports: all %d ranges from 127.0.0.1:%d on are in use", slots, firstPort)
}

// Free tells whether nobody uses any of the plan's ports and addresses.
func (p Plan) Free() bool {
	for n := range portsPerSlot {
		listener, err := net.Listen("tcp", Local(p.port(n)))
		if err != nil {
			return false
		}
		if listener.Close() != nil {
			return false
		}
	}
	return !p.networkInUse()
}

func (p Plan) networkInUse() bool {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return true
	}
	for _, a := range addresses {
		prefix, err := netip.ParsePrefix(a.String())
		// A wider network, such as a VPN's 10.0.0.0/8, is no obstacle: the longer prefix wins.
		if err == nil && p.Pods().Contains(prefix.Addr()) {
			return true
		}
	}
	return false
}
