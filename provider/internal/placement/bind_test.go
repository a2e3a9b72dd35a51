package placement

import (
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
)

// gpus is a pool with GPUs of a type.
func gpus(name, kind string, labels map[string]string) Pool {
	return Pool{Name: name, Labels: labels, Nodes: 2, Devices: []Device{{Resource: "nvidia.com/gpu", Count: 8, Type: kind}}}
}

// TestPodsAreBoundToThePoolsThatFit would catch a replica that the scheduler puts on nodes that the placement did not count, and Pods that are
// replaced because of pools that they do not run on.
func TestPodsAreBoundToThePoolsThatFit(t *testing.T) {
	request := Request{Replicas: 1, NodesPerReplica: 1, Devices: []DeviceRequest{{Resource: "nvidia.com/gpu", Count: 4, Type: "H100"}}}
	a100, h100 := gpus("a", "A100", map[string]string{"gpu": "a100"}), gpus("h", "H100", map[string]string{"gpu": "h100", "zone": "1"})
	plain := Pool{Name: "cpu", Nodes: 3}
	few := Pool{Name: "few", Nodes: 3, Devices: []Device{{Resource: "nvidia.com/gpu", Count: 2, Type: "A100"}}}

	for name, pools := range map[string][]Pool{
		"no pools": nil, "one pool": {h100}, "others without devices, or with too few": {h100, plain, few}, "none that fits": {a100},
	} {
		assert.Nil(t, request.Bind(Cluster{Pools: pools}), name)
	}
	other := gpus("i", "H100", map[string]string{"gpu": "h100-new"})
	bound := request.Bind(Cluster{Pools: []Pool{other, a100, h100, plain}})
	in := func(key, value string) corev1.NodeSelectorRequirement {
		return corev1.NodeSelectorRequirement{Key: key, Operator: corev1.NodeSelectorOpIn, Values: []string{value}}
	}
	assert.Equal(t, []corev1.NodeSelectorTerm{
		{MatchExpressions: []corev1.NodeSelectorRequirement{in("gpu", "h100"), in("zone", "1")}},
		{MatchExpressions: []corev1.NodeSelectorRequirement{in("gpu", "h100-new")}},
	}, bound.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms)
	assert.Empty(t, request.CheckBinding("c", Cluster{Pools: []Pool{other, a100, h100}}))

	assert.Empty(t, request.CheckBinding("c", Cluster{Pools: []Pool{gpus("h", "H100", nil), few}}), "labels are not needed")
	faults := request.CheckBinding("c", Cluster{Pools: []Pool{a100, gpus("h", "H100", nil), gpus("i", "H100", map[string]string{"gpu": "a100"})}})
	assert.EqualError(t, faults.Err(), "c.pools[1].labels: do not tell the nodes of pool h from those of pool a, which have nvidia.com/gpu, too; "+
		"write a label that only the nodes of pool h have\n"+
		"c.pools[2].labels: do not tell the nodes of pool i from those of pool a, which have nvidia.com/gpu, too; "+
		"write a label that only the nodes of pool i have")
}
