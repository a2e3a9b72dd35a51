package localplane

import "net/netip"

// Node is the name of the plane's one Node.
const Node = "localplane"

// APIServer is where the API server listens, for everything in the plane. It
// is also the address of the Node.
var APIServer = netip.MustParseAddrPort("10.0.0.1:6443")

// NameServer is where Pods ask for the addresses of Services.
var NameServer = netip.AddrPortFrom(APIServer.Addr(), 53)

// The plane's networks. Nobody else is in them, so every plane has the same.
var (
	// Services is where ClusterIPs come from.
	Services = netip.MustParsePrefix("10.96.0.0/16")
	// LoadBalancers is where Services of type LoadBalancer get addresses from.
	LoadBalancers = netip.MustParsePrefix("10.97.0.0/16")
	// Pods4 and Pods6 are where Pods get addresses from, one of each.
	Pods4 = netip.MustParsePrefix("10.244.0.0/16")
	Pods6 = netip.MustParsePrefix("fd00:244::/64")
	// Free4 and Free6 are left to tests, for [Plane.AddAddress].
	Free4 = netip.MustParsePrefix("10.98.0.0/16")
	Free6 = netip.MustParsePrefix("fd00:98::/64")
)
