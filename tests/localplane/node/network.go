//go:build linux

package node

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// The Pod's end of its veth pair sends everything to these addresses, which exist as a neighbour entry only.
var (
	gateway4 = netip.MustParseAddr("169.254.1.1")
	gateway6 = netip.MustParseAddr("fe80::1")
)

// podDevice is the name of a Pod's end of the pair inside the Pod.
const podDevice = "eth0"

// allowForwarding lets Pods reach one another through the plane's network namespace.
func allowForwarding() error {
	for _, setting := range []string{"net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding"} {
		if err := os.WriteFile("/proc/sys/"+setting, []byte("1"), 0); err != nil {
			return fmt.Errorf("let Pods reach one another: %w", err)
		}
	}
	return nil
}

// joinRange gives the plane an address in the Pods' IPv6 range and returns it. It is the source of what the plane sends
// to Pods by IPv6, since nothing else in a plane needs to have an IPv6 address.
func joinRange(range6 netip.Prefix) (netip.Addr, error) {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return netip.Addr{}, fmt.Errorf("find the plane's loopback device: %w", err)
	}
	own := range6.Masked().Addr().Next()
	if err := netlink.AddrReplace(lo, &netlink.Addr{IPNet: single(own)}); err != nil {
		return netip.Addr{}, fmt.Errorf("give the plane the address %s: %w", own, err)
	}
	return own, nil
}

// connect joins a Pod's network namespace to the plane's by a veth pair; the plane sends from addresses of its own. Both ends know the other's hardware address, so
// that nothing depends on ARP, neighbour discovery or duplicate address detection and their delays.
func connect(box *sandbox, a, plane addresses) error {
	link := &netlink.Veth{
		LinkAttrs:     netlink.LinkAttrs{Name: hostDevice(a), Flags: net.FlagUp},
		PeerName:      podDevice,
		PeerNamespace: netlink.NsFd(box.network),
	}
	if err := netlink.LinkAdd(link); err != nil {
		return fmt.Errorf("make the veth pair of Pod %s: %w", a.v4, err)
	}
	outside, err := netlink.LinkByName(link.Name)
	if err != nil {
		return fmt.Errorf("find the veth pair of Pod %s: %w", a.v4, err)
	}
	var podMAC net.HardwareAddr
	err = box.do(func() error {
		podMAC, err = connectInside(a, outside.Attrs().HardwareAddr)
		return err
	})
	if err != nil {
		return fmt.Errorf("set up the network inside Pod %s: %w", a.v4, err)
	}
	for to, from := range map[netip.Addr]netip.Addr{a.v4: plane.v4, a.v6: plane.v6} {
		if err := neighbour(outside, to, podMAC); err != nil {
			return fmt.Errorf("set up the route to Pod %s: %w", to, err)
		}
		err := netlink.RouteReplace(&netlink.Route{
			LinkIndex: outside.Attrs().Index,
			Dst:       single(to),
			Scope:     netlink.SCOPE_LINK,
			Src:       from.AsSlice(),
		})
		if err != nil {
			return fmt.Errorf("set up the route to Pod %s: %w", to, err)
		}
	}
	return nil
}

// connectInside is the half of connect that runs in the Pod's network namespace.
func connectInside(a addresses, outsideMAC net.HardwareAddr) (net.HardwareAddr, error) {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return nil, err
	}
	if err := netlink.LinkSetUp(lo); err != nil {
		return nil, err
	}
	inside, err := netlink.LinkByName(podDevice)
	if err != nil {
		return nil, err
	}
	if err := netlink.LinkSetUp(inside); err != nil {
		return nil, err
	}
	for ip, gateway := range map[netip.Addr]netip.Addr{a.v4: gateway4, a.v6: gateway6} {
		address := &netlink.Addr{IPNet: single(ip)}
		if ip.Is6() {
			address.Flags = unix.IFA_F_NODAD
		}
		if err := netlink.AddrAdd(inside, address); err != nil {
			return nil, fmt.Errorf("address %s: %w", ip, err)
		}
		if err := neighbour(inside, gateway, outsideMAC); err != nil {
			return nil, err
		}
		err := netlink.RouteAdd(&netlink.Route{
			LinkIndex: inside.Attrs().Index,
			Gw:        gateway.AsSlice(),
			Flags:     int(netlink.FLAG_ONLINK),
			Src:       ip.AsSlice(),
		})
		if err != nil {
			return nil, fmt.Errorf("default route by %s: %w", gateway, err)
		}
	}
	return inside.Attrs().HardwareAddr, nil
}

// disconnect removes the pair, if it is there, at once; the kernel would, some time after the last process of the Pod has ended.
func disconnect(a addresses) error {
	link, err := netlink.LinkByName(hostDevice(a))
	if _, missing := errors.AsType[netlink.LinkNotFoundError](err); missing {
		return nil
	}
	if err != nil {
		return fmt.Errorf("find the veth pair of Pod %s: %w", a.v4, err)
	}
	if err := netlink.LinkDel(link); err != nil {
		return fmt.Errorf("remove the veth pair of Pod %s: %w", a.v4, err)
	}
	return nil
}

// hostDevice names the plane's end after the Pod's address: unique in the plane and within the kernel's 15 characters.
func hostDevice(a addresses) string {
	b := a.v4.As4()
	return fmt.Sprintf("pod%02x%02x%02x%02x", b[0], b[1], b[2], b[3])
}

func neighbour(link netlink.Link, ip netip.Addr, mac net.HardwareAddr) error {
	err := netlink.NeighSet(&netlink.Neigh{
		LinkIndex:    link.Attrs().Index,
		State:        netlink.NUD_PERMANENT,
		IP:           ip.AsSlice(),
		HardwareAddr: mac,
	})
	if err != nil {
		return fmt.Errorf("neighbour %s: %w", ip, err)
	}
	return nil
}

func single(ip netip.Addr) *net.IPNet {
	return &net.IPNet{IP: ip.AsSlice(), Mask: net.CIDRMask(ip.BitLen(), ip.BitLen())}
}
