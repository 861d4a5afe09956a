package driver

import "io"

// spdyInput sends stdin one message at a time, with a ping whose answer says that the server has read it: see stdinWindow for why. spdystream can
// have only one ping under way, so there is never a second message.
type spdyInput struct {
	conn   *spdyConnection
	stream io.WriteCloser
	number int // of messages
}

func newSPDYInput(conn *spdyConnection, stream io.WriteCloser) *spdyInput {
	conn.frames.paired.Store(true)
	return &spdyInput{conn: conn, stream: stream}
}

func (i *spdyInput) Write(p []byte) (int, error) {
	sent := 0
	for sent < len(p) {
		i.number++
		n := min(len(p)-sent, webSocketMessage, webSocketFirst*i.number)
		if err := i.send(p[sent : sent+n]); err != nil {
			return sent, err
		}
		sent += n
	}
	return sent, nil
}

func (i *spdyInput) send(message []byte) error {
	i.conn.pinging.Lock()
	defer i.conn.pinging.Unlock()
	if _, err := i.stream.Write(message); err != nil {
		return err
	}
	_, err := i.conn.conn.Ping()
	return err
}

// Close waits until nothing is under way.
func (i *spdyInput) Close() error {
	i.conn.pinging.Lock()
	defer i.conn.pinging.Unlock()
	return i.stream.Close()
}
