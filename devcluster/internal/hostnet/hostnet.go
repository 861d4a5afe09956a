// Package hostnet makes the one network interface of a cluster: a bridge that
// carries the node's address and joins the pods to it. Nothing is routed or
// translated, so no firewall rule and no sysctl is needed, and no packet of a
// pod leaves the machine.
package hostnet

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Create makes the bridge with the given address. A bridge of that name is
// replaced.
func Create(ctx context.Context, bridge string, address netip.Prefix) error {
	if err := Delete(ctx, bridge); err != nil {
		return err
	}
	if err := ip(ctx, "link", "add", "name", bridge, "type", "bridge"); err != nil {
		return err
	}
	if err := ip(ctx, "address", "add", address.String(), "dev", bridge); err != nil {
		return err
	}
	return ip(ctx, "link", "set", bridge, "up")
}

// Delete removes the bridge and the pods' ends at it. If there is no such
// bridge, it does nothing.
func Delete(ctx context.Context, bridge string) error {
	if _, err := net.InterfaceByName(bridge); err != nil {
		return nil //nolint:nilerr // the only error is that there is none
	}
	ports, err := os.ReadDir(filepath.Join("/sys/class/net", bridge, "brif"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("listing the ports of bridge %q: %w", bridge, err)
	}
	for _, port := range ports {
		// A pod's end vanishes by itself once its network namespace is gone.
		if err := ip(ctx, "link", "delete", port.Name()); err != nil && exists(port.Name()) {
			return err
		}
	}
	return ip(ctx, "link", "delete", bridge)
}

func exists(link string) bool {
	_, err := net.InterfaceByName(link)
	return err == nil
}

func ip(ctx context.Context, args ...string) error {
	out, err := exec.CommandContext(ctx, "ip", args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}
