package driver

import (
	"io"
	"math"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// cutAfter says after how many bytes a connection to the cluster is reset. 0 is never.
type cutAfter struct{ sent, received int64 }

// startCutter forwards TCP connections to the target, and resets each one that has carried more than the limit in one direction.
func startCutter(t *testing.T, target string, limit cutAfter) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			conns.Go(func() { limit.forward(client, target) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		conns.Wait()
	})
	return listener.Addr().String()
}

func (limit cutAfter) forward(client net.Conn, target string) {
	defer client.Close()
	server, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	defer server.Close()
	var both sync.WaitGroup
	pipe := func(to, from net.Conn, most int64) {
		if most == 0 {
			most = math.MaxInt64
		}
		if n, _ := io.CopyN(to, from, most); n == most {
			_ = client.(*net.TCPConn).SetLinger(0)
			_ = server.(*net.TCPConn).SetLinger(0)
		}
		client.Close()
		server.Close()
	}
	both.Go(func() { pipe(server, client, limit.sent) })
	both.Go(func() { pipe(client, server, limit.received) })
	both.Wait()
}
