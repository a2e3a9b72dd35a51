package target

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/util/validation"
)

// parseHost reads the host of a URL: an IPv4 address, an IPv6 address in
// brackets, or a host name. It refuses what an EndpointSlice refuses
// (https://github.com/kubernetes/kubernetes/blob/v1.36.3/pkg/apis/discovery/validation/validation.go#L94)
// and what a resolver on one machine reads otherwise than one on another.
func parseHost(s string) (string, discoveryv1.AddressType, error) {
	if strings.HasPrefix(s, "[") {
		return parseIPv6(s)
	}
	if addr, err := netip.ParseAddr(s); err == nil {
		if err := checkReach(addr); err != nil {
			return "", "", err
		}
		return addr.String(), discoveryv1.AddressTypeIPv4, nil
	}
	name, err := parseName(s)
	if err != nil {
		return "", "", err
	}
	labels := strings.Split(name, ".")
	if isLoopbackName(name) {
		return "", "", errors.New("is a name of the machine that looks it up, so it would mean the gateway itself; name the model server")
	}
	if len(labels) < 2 {
		return "", "", errors.New("has a host name of one label, which an EndpointSlice does not take; write it in full, such as server.example.com or server.namespace.svc.cluster.local")
	}
	return name, discoveryv1.AddressTypeFQDN, nil
}

// parseIPv6 reads an IPv6 address in brackets.
func parseIPv6(s string) (string, discoveryv1.AddressType, error) {
	addr, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(s, "["), "]"))
	if err != nil || !addr.Is6() || !strings.HasSuffix(s, "]") {
		return "", "", errors.New("has brackets that hold something other than an IPv6 address, such as http://[2001:db8::7]:8000")
	}
	if addr.Zone() != "" {
		return "", "", errors.New("has an IPv6 address with a zone (the part from %), which means something on one machine only; write a routed address")
	}
	if addr.Is4In6() {
		return "", "", errors.New("has an IPv4 address written as IPv6; write it as IPv4, such as http://10.0.0.7")
	}
	if err := checkReach(addr); err != nil {
		return "", "", err
	}
	return addr.String(), discoveryv1.AddressTypeIPv6, nil
}

// checkReach refuses addresses at which no other machine can be reached. The
// first three are the API server's rules
// (https://github.com/kubernetes/kubernetes/blob/v1.36.3/pkg/apis/core/validation/validation.go#L8423);
// the last closes what TCP cannot reach either.
func checkReach(addr netip.Addr) error {
	switch {
	case addr.IsUnspecified():
		return errors.New("has the unspecified address, which a server listens on but nobody can call; write the server's own address")
	case addr.IsLoopback():
		return errors.New("has a loopback address, which would mean the gateway itself; write an address that the cluster can reach")
	case addr.IsLinkLocalUnicast():
		return errors.New("has a link-local address, which is not routed; write an address that the cluster can reach")
	case addr.IsMulticast():
		return errors.New("has a multicast address, which HTTP cannot call; write the server's own address")
	case !addr.IsGlobalUnicast():
		return errors.New("has the broadcast address, which HTTP cannot call; write the server's own address")
	}
	return nil
}

// isLoopbackName reports whether resolvers answer the name with a loopback
// address: RFC 6761, section 6.3, and the names of widespread hosts files.
func isLoopbackName(name string) bool {
	return name == "localhost" || strings.HasSuffix(name, ".localhost") ||
		slices.Contains([]string{"localhost.localdomain", "localhost4.localdomain4", "localhost6.localdomain6"}, name)
}

// ParseHostname reads a host name by itself: a Host header or the name
// in a TLS certificate. It gives the name in lower case without a dot at its
// end, and refuses IP addresses, wildcards and ports, as the Gateway API's
// PreciseHostname does
// (https://github.com/kubernetes-sigs/gateway-api/blob/v1.6.3/apis/v1/shared_types.go#L630).
func ParseHostname(s string) (string, error) {
	if s == "" {
		return "", errors.New("is empty; write a host name, such as api.example.com")
	}
	if hasSpace(s) {
		return "", errSpace
	}
	if _, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		return "", errors.New("is an IP address; write a host name, such as api.example.com")
	}
	if strings.ContainsAny(s, ":/") {
		return "", errors.New("is more than a host name; leave out scheme, port and path, such as api.example.com")
	}
	if strings.Contains(s, "*") {
		return "", errors.New("has a wildcard, which no single server is called; write a whole host name, such as api.example.com")
	}
	return parseName(s)
}

// ParseRouteHostname reads a host name that a route listens to. Other than
// [ParseHostname] it takes a wildcard as the whole first label, as the Gateway
// API's Hostname does
// (https://github.com/kubernetes-sigs/gateway-api/blob/v1.6.3/apis/v1/shared_types.go#L610).
func ParseRouteHostname(s string) (string, error) {
	rest, wildcard := strings.CutPrefix(s, "*.")
	if strings.Contains(rest, "*") {
		return "", errors.New("has a wildcard that is not its whole first label; write it like *.example.com")
	}
	name, err := ParseHostname(rest)
	if err != nil || !wildcard {
		return name, err
	}
	name = "*." + name
	if len(name) > validation.DNS1123SubdomainMaxLength {
		return "", errNameTooLong
	}
	return name, nil
}

var errNameTooLong = fmt.Errorf("has a host name of more than %d characters, the most that DNS allows", validation.DNS1123SubdomainMaxLength)

// parseName checks a DNS name of any number of labels (RFC 1123, section 2.1).
func parseName(s string) (string, error) {
	if strings.ContainsFunc(s, func(r rune) bool { return r > '~' }) {
		return "", errors.New("has a host name with characters beyond ASCII; write it in punycode, such as xn--bcher-kva.example")
	}
	name := strings.ToLower(strings.TrimSuffix(s, "."))
	if len(name) > validation.DNS1123SubdomainMaxLength {
		return "", errNameTooLong
	}
	labels := strings.Split(name, ".")
	if endsInNumber(labels) {
		return "", errors.New("has a host that ends in a number but is not an IPv4 address of four plain decimal numbers; some resolvers would read it as another address")
	}
	for _, label := range labels {
		if err := checkLabel(label); err != nil {
			return "", err
		}
	}
	return name, nil
}

// endsInNumber reports whether inet_aton and browsers take the name for an IPv4
// address, such as 127.1, 0x7f.1 or 2130706433 (https://url.spec.whatwg.org/#ends-in-a-number-checker).
func endsInNumber(labels []string) bool {
	last := labels[len(labels)-1]
	if digits, isHex := strings.CutPrefix(last, "0x"); isHex {
		return strings.Trim(digits, "0123456789abcdef") == ""
	}
	return last != "" && strings.Trim(last, "0123456789") == ""
}

func checkLabel(label string) error {
	switch {
	case label == "":
		return errors.New("has a host name with an empty label; write one dot between two labels")
	case len(label) > validation.DNS1123LabelMaxLength:
		return fmt.Errorf("has a host name with more than %d characters between two dots, the most that DNS allows", validation.DNS1123LabelMaxLength)
	case strings.Contains(label, "_"):
		return errors.New("has an underscore in its host name, which a host name cannot have; use a hyphen")
	case len(validation.IsDNS1123Label(label)) > 0:
		return errors.New("has a host name that is not made of letters, digits and inner hyphens between dots")
	}
	return nil
}
