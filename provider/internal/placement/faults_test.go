package placement

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
)

// TestARequestsFaultsSayWhatToWrite would catch a request that is taken although it cannot be meant, and a fault without a path or
// a remedy.
func TestARequestsFaultsSayWhatToWrite(t *testing.T) {
	gpu := DeviceRequest{Resource: "nvidia.com/gpu", Count: 1}
	for _, c := range []struct {
		change func(*Request)
		want   string
	}{
		{func(r *Request) { r.Replicas = -1 }, "replicas: -1 is below 0; write how many replicas are to run, 0 to 150000"},
		{func(r *Request) { r.Replicas = MaxReplicas + 1 }, "replicas: 150001 is above 150000; write how many replicas are to run, 0 to 150000"},
		{func(r *Request) { r.NodesPerReplica = 0 }, "nodesPerReplica: 0 is below 1; write how many nodes a replica spans, 1 to 1000000"},
		{
			func(r *Request) { r.Devices = []DeviceRequest{{Resource: gpu.Resource}} },
			"devices[0].count: 0 is below 1; write how many devices a replica needs on each node, 1 to 1000000",
		},
		{
			func(r *Request) { r.Devices = []DeviceRequest{gpu, {Count: 1}} },
			"devices[1].resource: is required, unless deviceClass is given: an extended resource, such as nvidia.com/gpu",
		},
		{
			func(r *Request) { r.Devices = []DeviceRequest{{Resource: gpu.Resource, DeviceClass: "gpu", Count: 1}} },
			"devices[0].deviceClass: is given beside resource; a device is counted by one or the other",
		},
		{
			func(r *Request) { r.Devices = []DeviceRequest{{Resource: "cpu", Count: 1}} },
			`devices[0].resource: "cpu" is not the name of an extended resource; write its domain, a slash and its name, such as nvidia.com/gpu`,
		},
		{
			func(r *Request) { r.Devices = []DeviceRequest{{Resource: "requests.nvidia.com/gpu", Count: 1}} },
			`devices[0].resource: "requests.nvidia.com/gpu" is not the name of an extended resource; write its domain, a slash and its name, ` +
				`such as nvidia.com/gpu`,
		},
		{
			func(r *Request) { r.Devices = []DeviceRequest{{DeviceClass: "GPU", Count: 1}} },
			`devices[0].deviceClass: "GPU" is not a name of a Kubernetes object: lower-case letters, digits, hyphens and dots, with a letter ` +
				`or digit first and last (RFC 1123)`,
		},
		{
			func(r *Request) {
				r.Devices = []DeviceRequest{{Resource: gpu.Resource, Count: 1, Selectors: []string{"true"}}}
			},
			"devices[0].selectors: is given, but only devices of a class are selected; write deviceClass, or leave it out",
		},
		{
			func(r *Request) { r.Devices = []DeviceRequest{{Resource: gpu.Resource, Count: 1, MinMemory: "80 GB"}} },
			`devices[0].minMemory: "80 GB" is not a quantity of memory; write a number with a unit, such as 80Gi`,
		},
		{
			func(r *Request) { r.Devices = []DeviceRequest{{Resource: gpu.Resource, Count: 1, MinMemory: "80"}} },
			"devices[0].minMemory: 80 is less than 1Mi, which no device has; write a number with a unit, such as 80Gi",
		},
		{
			func(r *Request) { r.Placement.MatchLabels = map[string]string{"region": "us east"} },
			`placement.matchLabels.region: a valid label must be an empty string or consist of alphanumeric characters`,
		},
		{
			func(r *Request) { r.Placement.MatchExpressions = []LabelRequirement{{Key: "a b", Operator: "Exists"}} },
			`placement.matchExpressions[0].key: "a b" is not the key of a label: name part must consist of alphanumeric characters`,
		},
		{
			func(r *Request) { r.Placement.MatchExpressions = []LabelRequirement{{Key: "tier", Operator: "in"}} },
			`placement.matchExpressions[0].operator: "in" is not an operator; write In, NotIn, Exists or DoesNotExist`,
		},
		{
			func(r *Request) { r.Placement.MatchExpressions = []LabelRequirement{{Key: "tier", Operator: "NotIn"}} },
			`placement.matchExpressions[0].values: is empty; write the values that NotIn compares with`,
		},
		{
			func(r *Request) {
				r.Placement.MatchExpressions = []LabelRequirement{{Key: "tier", Operator: "Exists", Values: []string{"x"}}}
			},
			`placement.matchExpressions[0].values: is given, but Exists looks at the key alone; leave it out, or write In or NotIn`,
		},
		{
			func(r *Request) {
				r.Placement.MatchExpressions = []LabelRequirement{{Key: "tier", Operator: "In", Values: []string{"x", "\x00"}}}
			},
			`placement.matchExpressions[0].values[1]: "\x00" is not the value of a label: a valid label must be`,
		},
		{
			func(r *Request) { r.Placement.Tolerations = []Toleration{{}} },
			"placement.tolerations[0].key: is empty; write the key of the taint, or the operator Exists, which then tolerates every taint",
		},
		{
			func(r *Request) { r.Placement.Tolerations = []Toleration{{Key: "gpu", Operator: "Gt", Value: "1"}} },
			`placement.tolerations[0].operator: "Gt" is not an operator here; write Equal or Exists`,
		},
		{
			func(r *Request) { r.Placement.Tolerations = []Toleration{{Operator: "Exists", Value: "1"}} },
			`placement.tolerations[0].value: is given, but Exists tolerates any value; leave it out, or write the operator Equal`,
		},
		{
			func(r *Request) { r.Placement.Tolerations = []Toleration{{Key: "gpu", Effect: "PreferNoSchedule"}} },
			`placement.tolerations[0].effect: "PreferNoSchedule" is not an effect of a taint here; write NoSchedule or NoExecute, or leave it ` +
				`out for both`,
		},
		{
			func(r *Request) { r.Placement.MaxPerCluster = -1 },
			"placement.maxPerCluster: -1 is below 0; write how many replicas a cluster may have, or 0 for no limit, 0 to 150000",
		},
	} {
		request := Request{NodesPerReplica: 1}
		c.change(&request)
		assertFault(t, c.want, request.Check())
	}
}

// TestAClustersFaultsSayWhatToWrite would catch facts that are taken although they cannot be so.
func TestAClustersFaultsSayWhatToWrite(t *testing.T) {
	pool := func(change func(*Pool)) Cluster {
		p := Pool{Name: "gpu", Nodes: 1, Devices: []Device{{Resource: "nvidia.com/gpu", Count: 8}}}
		change(&p)
		return Cluster{Name: "east", Pools: []Pool{p}}
	}
	for _, c := range []struct {
		cluster Cluster
		want    string
	}{
		{
			Cluster{Name: "East"},
			`name: "East" is not a name for a cluster: write up to 63 lower-case letters, digits and hyphens, with a letter or digit first and ` +
				`last (RFC 1123)`,
		},
		{Cluster{Name: "east", Labels: map[string]string{"a.b/c": "\xff"}}, `labels["a.b/c"]: a valid label must be`},
		{
			Cluster{Name: "east", Taints: []Taint{{Key: "gpu", Effect: "PreferNoSchedule"}}},
			`taints[0].effect: "PreferNoSchedule" is not an effect of a taint here; write NoSchedule, which lets nothing new in, or NoExecute, ` +
				`which also moves what is there`,
		},
		{Cluster{Name: "east", Taints: []Taint{{Effect: "NoSchedule"}}}, `taints[0].key: "" is not the key of a taint: name part must be non-empty`},
		{
			Cluster{Name: "east", Taints: []Taint{{Key: "gpu", Value: "a,b", Effect: "NoSchedule"}}},
			`taints[0].value: "a,b" is not the value of a label`,
		},
		{
			Cluster{Name: "east", Taints: []Taint{{Key: "gpu", Effect: "NoSchedule"}, {Key: "gpu", Value: "x", Effect: "NoSchedule"}}},
			"taints[1]: has the key and effect of another taint in the list; write each pair once",
		},
		{pool(func(p *Pool) { p.Name = "" }), "pools[0].name: is empty; write the pool's name"},
		{pool(func(p *Pool) { p.Name = "a b" }), `pools[0].name: "a b" is not a name for a pool: a valid label must be`},
		{pool(func(p *Pool) { p.Nodes = -1 }), "pools[0].nodes: -1 is below 0; write how many nodes the pool has, 0 to 1000000"},
		{pool(func(p *Pool) { p.Labels = map[string]string{"-": ""} }), `pools[0].labels.-: name part must consist`},
		{pool(func(p *Pool) { p.Taints = []Taint{{Key: "gpu"}} }), `pools[0].taints[0].effect: "" is not an effect of a taint here`},
		{
			pool(func(p *Pool) { p.Devices[0].Count = 0 }),
			"pools[0].devices[0].count: 0 is below 1; write how many devices each node has, 1 to 1000000",
		},
		{
			pool(func(p *Pool) { p.Devices[0].Memory = "-80Gi" }),
			`pools[0].devices[0].memory: "-80Gi" is not a quantity of memory; write a number with a unit, such as 80Gi`,
		},
		{pool(func(p *Pool) { p.Devices[0].Type = "H100 SXM" }), `pools[0].devices[0].type: "H100 SXM" is not the value of a label`},
		{
			pool(func(p *Pool) { p.Devices = append(p.Devices, p.Devices[0]) }),
			"pools[0].devices[1]: is of nvidia.com/gpu, as is another entry of the pool; write one entry with the count of both, or two pools " +
				"where the nodes differ",
		},
		{
			Cluster{Name: "east", Pools: []Pool{{Name: "gpu"}, {Name: "gpu"}}},
			`pools[1].name: "gpu" is the name of another pool of the cluster, too; give each its own`,
		},
	} {
		assertFault(t, c.want, c.cluster.Check(""))
	}
}

// assertFault wants exactly one fault, which begins so. It also wants what follows, unless that is the word of a library.
func assertFault(t *testing.T, want string, faults fault.List) {
	t.Helper()
	if assert.Len(t, faults, 1, want) {
		assert.Truef(t, strings.HasPrefix(faults.Err().Error(), want), "want %s\ngot  %s", want, faults.Err())
	}
}

// TestAllFaultsOfAPlacementAreSaidAtOnce would catch a check that ends at the first fault, and a fault after which something is
// placed.
func TestAllFaultsOfAPlacementAreSaidAtOnce(t *testing.T) {
	clusters := []Cluster{{Name: "east"}, {Name: "east", Pools: []Pool{{Name: "a", Nodes: -1}}}}
	placed := map[string]int{"west": -2, "east": 1}
	decision, faults := Place(Request{Replicas: -1}, clusters, placed)
	require.EqualError(t, faults.Err(), strings.Join([]string{
		"replicas: -1 is below 0; write how many replicas are to run, 0 to 150000",
		"nodesPerReplica: 0 is below 1; write how many nodes a replica spans, 1 to 1000000",
		"clusters[1].pools[0].nodes: -1 is below 0; write how many nodes the pool has, 0 to 1000000",
		`clusters[1].name: "east" is the name of another cluster in the list, too; give each its own`,
		"placed.west: -2 is below 0; write how many replicas run there, 0 to 150000",
	}, "\n"))
	require.Equal(t, placed, decision.Replicas)
}

// TestWithoutAClusterNothingFits would catch a fault that lists nothing.
func TestWithoutAClusterNothingFits(t *testing.T) {
	_, faults := Place(Request{Replicas: 1, NodesPerReplica: 1}, nil, nil)
	require.EqualError(t, faults.Err(), "replicas: 0 of 1 fit, since there is no cluster; add a cluster that takes them")
}

// TestAFaultOfRoomWaitsForWhatIsUnknown would catch a preview that says a model does not fit while a cluster is not known yet.
func TestAFaultOfRoomWaitsForWhatIsUnknown(t *testing.T) {
	_, faults := Place(Request{Replicas: 1, NodesPerReplica: 1}, nil, nil)
	for _, unknown := range []string{"replicas", "clusters[2].labels", "devices[0].count", "nodesPerReplica", "placement"} {
		assert.Empty(t, faults.Known([]string{unknown}), unknown)
	}
	assert.Len(t, faults.Known([]string{"model"}), 1)
}

// TestAQuantityWithAHugeExponentIsRefusedAtOnce would catch a few characters that keep the plugin busy for minutes: Kubernetes'
// parser works the number out.
func TestAQuantityWithAHugeExponentIsRefusedAtOnce(t *testing.T) {
	for _, text := range []string{"1e-300000000", "1E300000000", "1" + strings.Repeat("0", 1<<20), "0." + strings.Repeat("0", 1<<20) + "1"} {
		start := time.Now()
		_, err := parseMemory(text)
		require.ErrorContains(t, err, "is not a quantity of memory")
		require.Less(t, time.Since(start), time.Second)
	}
}

// TestTheLargestNumbersAreCountedRight would catch a product that overflows, and a placement that takes too long.
func TestTheLargestNumbersAreCountedRight(t *testing.T) {
	var clusters []Cluster
	for _, name := range strings.Split("abcdefghijklmnop", "") {
		c := Cluster{Name: name}
		for _, pool := range strings.Split("abcdefghijklmnop", "") {
			c.Pools = append(c.Pools, Pool{Name: pool, Nodes: maxCount, Devices: []Device{{Resource: "nvidia.com/gpu", Count: maxCount}}})
		}
		clusters = append(clusters, c)
	}
	request := Request{Replicas: MaxReplicas, NodesPerReplica: 1, Devices: []DeviceRequest{{Resource: "nvidia.com/gpu", Count: 1}}}
	start := time.Now()
	decision, faults := Place(request, clusters, nil)
	require.NoError(t, faults.Err())
	require.Equal(t, MaxReplicas/len(clusters), decision.Replicas["p"])
	require.Less(t, time.Since(start), 10*time.Second)
}
