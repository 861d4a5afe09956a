package driver

import (
	"context"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"
)

// All connections are closed while one is nearly made, by a dialer that does not hear of it.
func TestConnectionThatIsMadeTooLateIsClosed(t *testing.T) {
	ours, theirs := net.Pipe()
	t.Cleanup(func() { _ = theirs.Close() })
	var closeAll func()
	config := &rest.Config{
		Host: "https://cluster.invalid",
		Dial: func(context.Context, string, string) (net.Conn, error) {
			closeAll()
			return ours, nil
		},
	}
	var err error
	closeAll, err = ownConnections(config)
	require.NoError(t, err)
	_, err = config.Dial(t.Context(), "tcp", "cluster.invalid:443")
	require.ErrorIs(t, err, context.Canceled)
	assert.ErrorIs(t, ours.SetDeadline(time.Time{}), io.ErrClosedPipe, "it is open")
}
