package localplane

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"

	"github.com/vishvananda/netlink"
)

// AddAddress makes address one that programs in the plane can listen on, and
// that its Pods can reach. Adding it again changes nothing.
func (p Plane) AddAddress(address netip.Addr) error {
	return onLoopback(netlink.AddrReplace, address)
}

// RemoveAddress takes back what [Plane.AddAddress] added. Connections to the
// address come to a halt, and new ones are told that there is no way to it.
func (p Plane) RemoveAddress(address netip.Addr) error {
	return onLoopback(netlink.AddrDel, address)
}

// noDuplicateDetection is IFA_F_NODAD of linux/if_addr.h. Without it an IPv6
// address cannot be listened on for a while after it was added.
const noDuplicateDetection = 0x02

func onLoopback(change func(netlink.Link, *netlink.Addr) error, address netip.Addr) error {
	loopback, err := netlink.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("the plane's loopback interface cannot be found: %w", err)
	}
	single, err := netlink.ParseAddr(netip.PrefixFrom(address, address.BitLen()).String())
	if err != nil {
		return fmt.Errorf("%q is not an IP address: %w", address, err)
	}
	single.Flags = noDuplicateDetection
	if err := change(loopback, single); err != nil {
		return fmt.Errorf("address %s on the plane's loopback interface: %w", address, err)
	}
	return nil
}

// CutOff cuts the link to address, such as that of a cluster's load balancer or
// API server: what is sent there is lost, without an answer, by connections that are open and
// by new ones. Who listens there does not notice. [Plane.Reconnect] mends it.
func (p Plane) CutOff(address netip.Addr) error {
	route, err := intoNothing(address)
	if err != nil {
		return err
	}
	// While the plane has the address, the route is not used. So there is no
	// moment at which an answer says that the address is gone.
	if err := netlink.RouteReplace(route); err != nil {
		return fmt.Errorf("cut the link to %s: %w", address, err)
	}
	return p.RemoveAddress(address)
}

// Reconnect mends the link that [Plane.CutOff] has cut.
func (p Plane) Reconnect(address netip.Addr) error {
	if err := p.AddAddress(address); err != nil {
		return err
	}
	route, err := intoNothing(address)
	if err != nil {
		return err
	}
	if err := netlink.RouteDel(route); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("mend the link to %s: %w", address, err)
	}
	return nil
}

// nothing is an interface that loses what is sent by it, since its other end is
// never up. A blackhole route would do so for Pods, but tells a program of the plane at once.
const nothing = "nothing"

// intoNothing is the route by which what is sent to address is lost.
func intoNothing(address netip.Addr) (*netlink.Route, error) {
	// Without ARP no answer is awaited, and its absence is not reported.
	err := netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: nothing}, PeerName: nothing + "-peer"})
	if err != nil && !errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("make the interface %s: %w", nothing, err)
	}
	link, err := netlink.LinkByName(nothing)
	if err != nil {
		return nil, fmt.Errorf("find the interface %s: %w", nothing, err)
	}
	if err := errors.Join(netlink.LinkSetARPOff(link), netlink.LinkSetUp(link)); err != nil {
		return nil, fmt.Errorf("bring up the interface %s: %w", nothing, err)
	}
	return &netlink.Route{
		LinkIndex: link.Attrs().Index,
		Dst:       &net.IPNet{IP: address.AsSlice(), Mask: net.CIDRMask(address.BitLen(), address.BitLen())},
	}, nil
}
