package driver

import "context"

// Disconnect ends the driver in this process and leaves everything in the cluster as it is: tasks go on, and any driver of the same
// Orchestra namespace finds them. It ends the calls that are under way, waits until those that fail have removed what they had made,
// removes the helpers that copied, and closes all connections. Afterwards every method but Close and Disconnect returns ErrClosed.
//
// Nobody gives a sign of life for the tasks any longer: after some time Sweep takes them for abandoned.
func (d *Driver) Disconnect() {
	d.closing.Lock()
	defer d.closing.Unlock()
	d.shut()
	d.helpers.dropAll(context.Background())
	d.watch.close()
	d.disconnect()
}
