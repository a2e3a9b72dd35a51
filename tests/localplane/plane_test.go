package localplane_test

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/tests/localplane"
)

// It would catch networks of two clusters that overlap: a Pod would then answer
// for another one. It would also catch a first cluster with networks other than those
// that every plane has had.
func TestClustersShareNoAddress(t *testing.T) {
	dir := t.TempDir()
	var names []string
	for i := range 15 {
		names = append(names, fmt.Sprintf("cluster-%d", i))
	}
	require.NoError(t, localplane.Create(dir, names...))
	plane, err := localplane.In(dir)
	require.NoError(t, err)
	require.Len(t, plane.Clusters, 16)

	ranges := map[string]netip.Prefix{
		"free IPv4 addresses": localplane.Free4, "free IPv6 addresses": localplane.Free6,
		"Pods of the node agent's tests": netip.MustParsePrefix("10.245.0.0/16"), "their IPv6": netip.MustParsePrefix("fd00:245::/64"),
	}
	for _, c := range plane.Clusters {
		for what, prefix := range map[string]netip.Prefix{
			"API server": netip.PrefixFrom(c.APIServer.Addr(), 32), "Node": netip.PrefixFrom(c.Node, 32), "loopback": netip.PrefixFrom(c.Loopback, 32),
			"Services": c.Services, "load balancers": c.LoadBalancers, "Pods": c.Pods4, "Pods by IPv6": c.Pods6,
		} {
			require.Equal(t, prefix.Masked(), prefix)
			for other, taken := range ranges {
				require.False(t, prefix.Overlaps(taken), "%s of %s (%s) overlap with %s (%s)", what, c.Name, prefix, other, taken)
			}
			ranges[what+" of "+c.Name] = prefix
		}
	}
	require.Equal(t, localplane.Networks{
		APIServer:     netip.MustParseAddrPort("10.0.0.1:6443"),
		Node:          netip.MustParseAddr("10.0.0.2"),
		Loopback:      netip.MustParseAddr("127.0.0.1"),
		Services:      netip.MustParsePrefix("10.96.0.0/16"),
		LoadBalancers: netip.MustParsePrefix("10.97.0.0/16"),
		Pods4:         netip.MustParsePrefix("10.244.0.0/16"),
		Pods6:         netip.MustParsePrefix("fd00:244::/64"),
	}, plane.First().Networks)
}

// It would catch two clusters that keep their files in one folder, and a first one
// whose files are elsewhere than they have always been.
func TestClustersShareNoFile(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, localplane.Create(dir, "east", "west"))
	plane, err := localplane.In(dir)
	require.NoError(t, err)
	require.Equal(t, filepath.Join(dir, "kubeconfig"), plane.Kubeconfig())
	require.Equal(t, filepath.Join(dir, "clusters", "east", "kubeconfig"), plane.Cluster("east").Kubeconfig())
	require.Equal(t, filepath.Join(dir, "clusters", "west", "logs"), plane.Cluster("west").LogsDir())

	address := netip.MustParseAddr("10.98.0.1")
	require.NoError(t, plane.AddHost("everywhere.test", address))
	require.NoError(t, plane.Cluster("west").AddHost("west.test", address))
	for name, want := range map[string]string{
		"localplane": "10.98.0.1 everywhere.test\n",
		"east":       "10.98.0.1 everywhere.test\n",
		"west":       "10.98.0.1 everywhere.test\n10.98.0.1 west.test\n",
	} {
		hosts, err := os.ReadFile(plane.Cluster(name).HostsFile())
		require.NoError(t, err)
		require.Equal(t, want, string(hosts), name)
	}
	require.PanicsWithValue(t, `this plane has no cluster "north"; start it with "localplane run --clusters north -- PROGRAM"`,
		func() { plane.Cluster("north") })
}

// It would catch a name that a Node cannot have, or that is a path out of the
// plane's folder, and names that two clusters share.
func TestNamesOfClustersAreChecked(t *testing.T) {
	sixteen := make([]string, 16)
	for i := range sixteen {
		sixteen[i] = fmt.Sprintf("cluster-%d", i)
	}
	for want, names := range map[string][]string{
		`"East" is not a name for a cluster: a lowercase RFC 1123 label`:  {"East"},
		`"" is not a name for a cluster`:                                  {"east", ""},
		`"../east" is not a name for a cluster`:                           {"../east"},
		`"a\nb" is not a name for a cluster`:                              {"a\nb"},
		`two clusters have the name "east"; give each`:                    {"east", "west", "east"},
		`two clusters have the name "localplane"`:                         {"localplane"},
		`16 workload clusters are more than a plane has networks for; na`: sixteen,
	} {
		require.ErrorContains(t, localplane.Create(t.TempDir(), names...), want)
	}
	for want, args := range map[string][]string{
		`"East" is not a name`:                            {"run", "--clusters", "East", "--", "true"},
		"flag provided but not defined: -cluster; the on": {"run", "--cluster=east", "--", "true"},
		"a command to run in the plane is missing":        {"run", "--clusters", "east"},
	} {
		outcome := runCLI(t, nil, args...)
		require.Equal(t, 125, outcome.code)
		require.Contains(t, outcome.stderr, want)
	}
}
