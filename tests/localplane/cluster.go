package localplane

import (
	"fmt"
	"net/netip"
	"path/filepath"
)

// firstName is the name of the cluster that every plane has.
const firstName = "localplane"

// maxWorkload is how many workload clusters a plane has networks for; see networksOf.
const maxWorkload = 15

// Cluster is one Kubernetes cluster of a plane. Nothing else in the plane has
// an address in its networks, and every plane has the same.
type Cluster struct {
	// Name is the name of the cluster, and of its one Node.
	Name string
	// Dir is the folder with everything that the cluster keeps.
	Dir string
	Networks
}

// Networks are the addresses of one cluster.
type Networks struct {
	// APIServer is where the API server listens, for everything in the plane.
	APIServer netip.AddrPort
	// Node is the address of the Node. It is another one, so that an API server can
	// be cut off while the Node's Pods go on.
	Node netip.Addr
	// Loopback is where the other servers of the control plane listen. No Pod reaches it.
	Loopback netip.Addr
	// Services is where ClusterIPs come from.
	Services netip.Prefix
	// LoadBalancers is where Services of type LoadBalancer get addresses from.
	LoadBalancers netip.Prefix
	// Pods4 and Pods6 are where Pods get addresses from, one of each.
	Pods4, Pods6 netip.Prefix
}

// Free4 and Free6 are left to tests, for [Plane.AddAddress].
var (
	Free4 = netip.MustParsePrefix("10.98.0.0/16")
	Free6 = netip.MustParsePrefix("fd00:98::/64")
)

// networksOf are the networks of a plane's cluster of that index. The last digit
// of a range's second number says what it is for: 6 Services, 7 load balancers, 4
// Pods, so no two ranges are the same. Those of index 0 are the usual ones.
func networksOf(index int) Networks {
	single := func(network, host byte) netip.Addr { return netip.AddrFrom4([4]byte{network, 0, byte(index), host}) }
	range4 := func(second int) netip.Prefix {
		return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(second), 0, 0}), 16)
	}
	return Networks{
		APIServer:     netip.AddrPortFrom(single(10, 1), 6443),
		Node:          single(10, 2),
		Loopback:      single(127, 1),
		Services:      range4(96 + 10*index),
		LoadBalancers: range4(97 + 10*index),
		Pods4:         range4(244 - 10*index),
		Pods6:         netip.MustParsePrefix(fmt.Sprintf("fd00:244:%x::/64", index)),
	}
}

// NameServer is where the cluster's Pods ask for the addresses of Services.
func (n Networks) NameServer() netip.AddrPort { return netip.AddrPortFrom(n.Node, 53) }

// Kubeconfig is the path of the cluster administrator's kubeconfig. It works
// inside the plane only. Its context has the cluster's name.
func (c Cluster) Kubeconfig() string { return filepath.Join(c.Dir, "kubeconfig") }

// LogsDir is the folder with a log file for each component.
func (c Cluster) LogsDir() string { return filepath.Join(c.Dir, "logs") }

// PodsDir is the folder with a log file for each container of a Pod,
// <namespace>_<pod>_<container>.log, kept when the Pod is gone.
func (c Cluster) PodsDir() string { return filepath.Join(c.Dir, "pods") }

// HostsFile is the path of the /etc/hosts of the cluster's Pods. Write to it in
// place: Pods have it by a bind mount.
func (c Cluster) HostsFile() string { return filepath.Join(c.Dir, "hosts") }

// AddHost gives address the host name name for the cluster's Pods, as
// [Plane.AddHost] does for everything in the plane.
func (c Cluster) AddHost(name string, address netip.Addr) error {
	return appendTo(c.HostsFile(), fmt.Sprintf("%s %s\n", address, name))
}
