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

// Server is one that listens on a port of its own on 127.0.0.1.
type Server int

// The servers of a cluster.
const (
	APIServer Server = iota
	Etcd
	EtcdPeer
	ControllerManager
	Scheduler
	Kwok
	Registry
	servers // how many there are
)

// Port is the server's port on 127.0.0.1.
func (p Plan) Port(s Server) int { return firstPort + p.Slot*portsPerSlot + int(s) }

// Local is the server's host and port, "127.0.0.1:24300".
func (p Plan) Local(s Server) string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(p.Port(s)))
}

// Pods is the network of the pods on the real node, room for 1,000 of them.
func (p Plan) Pods() netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 213, byte(p.Slot * 4), 0}), 22)
}

// Node is the real node's address: the bridge's own, the pods' gateway.
func (p Plan) Node() netip.Addr { return p.Pods().Addr().Next() }

// Free returns the plan of the lowest slot that is not in taken, of which no
// port is in use and whose pod network meets no address of this machine.
func Free(taken map[int]bool) (Plan, error) {
	for slot := range slots {
		if p := (Plan{slot}); !taken[slot] && p.Free() {
			return p, nil
		}
	}
	return Plan{}, fmt.Errorf("finding free ports: all %d ranges from 127.0.0.1:%d on are in use", slots, firstPort)
}

// Free tells whether nobody uses any of the plan's ports and addresses.
func (p Plan) Free() bool {
	for s := range servers {
		listener, err := net.Listen("tcp", p.Local(s))
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
