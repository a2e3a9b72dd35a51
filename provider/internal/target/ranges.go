package target

import (
	"errors"
	"net/netip"
)

// ParseRange reads a range of IP addresses. One that begins in the middle is a mistake: its writer has meant either fewer addresses or others.
func ParseRange(s string) (netip.Prefix, error) {
	ranged, err := netip.ParsePrefix(s)
	if err != nil || ranged.Masked() != ranged || ranged.Addr().Is4In6() {
		return netip.Prefix{}, errors.New("is not a range of IP addresses; write its first address and its length, such as 10.0.0.0/8")
	}
	return ranged, nil
}

// ParseProxies reads a range of proxies, which say whom they ask for.
func ParseProxies(s string) (netip.Prefix, error) {
	ranged, err := ParseRange(s)
	if err == nil && ranged.Bits() == 0 {
		return netip.Prefix{}, errors.New("has every address in it, so any client could say that it is another; write the addresses of the proxies")
	}
	return ranged, err
}
