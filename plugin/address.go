package plugin

import (
	"errors"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
)

// maxProxies is how many proxies may have passed a request on, one to the next. It bounds the work that a request can ask for.
const maxProxies = 16

// parseRanges are ranges of addresses, such as 10.0.0.0/8.
func parseRanges(texts []string) ([]netip.Prefix, error) {
	ranges := make([]netip.Prefix, 0, len(texts))
	for i, text := range texts {
		parsed, err := netip.ParsePrefix(text)
		if err != nil || parsed.Addr().Is4In6() {
			return nil, errors.New("range " + strconv.Itoa(i+1) + " is not a range of IP addresses; write its first address and its length, " +
				"such as 10.0.0.0/8")
		}
		ranges = append(ranges, parsed)
	}
	return ranges, nil
}

// clientAddress is the address of the client that sent r: the right-most one in X-Forwarded-For that is not a trusted
// proxy's. A proxy appends the address that it was asked from, so what stands further left may be the client's own invention.
// It is the connection's address where that is not a trusted proxy's, and where the proxies name no other. It is not valid
// where even the connection's is unknown.
func clientAddress(r *http.Request, trusted []netip.Prefix) netip.Addr {
	connection := parseAddress(r.RemoteAddr)
	if !isWithin(connection, trusted) {
		return connection
	}
	rest := strings.Join(r.Header["X-Forwarded-For"], ",")
	for hop := 0; hop < maxProxies && rest != ""; hop++ {
		last := rest
		rest = ""
		if comma := strings.LastIndexByte(last, ','); comma >= 0 {
			rest = last[:comma]
			last = last[comma+1:]
		}
		address := parseAddress(strings.Trim(last, " \t"))
		if !address.IsValid() {
			break
		}
		if !isWithin(address, trusted) {
			return address
		}
	}
	return connection
}

// networkOf is what a client is counted as by its address: the address itself, or of an IPv6 address the network, all of whose 2^64
// addresses its owner can use.
func networkOf(client netip.Addr) string {
	if !client.Is6() {
		return client.String()
	}
	network, err := client.Prefix(64)
	if err != nil {
		return client.String()
	}
	return network.String()
}

// parseAddress is an address with or without a port, which some proxies add: always in one form, so that a client has
// one address alone. It is not valid where text is not an address.
func parseAddress(text string) netip.Addr {
	address, err := netip.ParseAddr(text)
	if err != nil {
		withPort, err := netip.ParseAddrPort(text)
		if err != nil {
			return netip.Addr{}
		}
		address = withPort.Addr()
	}
	return address.Unmap().WithZone("")
}

func isWithin(address netip.Addr, ranges []netip.Prefix) bool {
	for _, within := range ranges {
		if within.Contains(address) {
			return true
		}
	}
	return false
}
