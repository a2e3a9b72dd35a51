package placement

import (
	"maps"
	"slices"

	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
	"github.com/modelplane/pulumi-modelplane/provider/internal/names"
)

const (
	// MaxReplicas is the number of Pods of the largest cluster that Kubernetes supports
	// (https://kubernetes.io/docs/setup/best-practices/cluster-large/).
	MaxReplicas = 150_000
	// maxCount is more nodes than a cluster has, and more devices than a node has. It keeps all products in the range of int.
	maxCount = 1_000_000
)

// Request is what a model needs, and where it may run.
type Request struct {
	// Replicas is how many replicas run on all clusters together: 0 to 150,000. With 0 nothing runs.
	Replicas int `pulumi:"replicas" json:"replicas"`
	// NodesPerReplica is how many nodes one replica spans: 1 to 1,000,000, usually 1. With more, all of them are of one pool, each
	// has the devices that are asked for, and no other replica of the model shares them. Default: 1, which the caller fills in.
	NodesPerReplica int `pulumi:"nodesPerReplica,optional" json:"nodesPerReplica,omitempty"`
	// Devices are the devices that a replica needs on each of its nodes. Several entries for one resource or device class add up.
	// Default: none, so that nothing is counted, and a cluster takes as many replicas as there are.
	Devices []DeviceRequest `pulumi:"devices,optional" json:"devices,omitempty"`
	// Placement says which clusters may run the model. Default: all of them.
	Placement Rules `pulumi:"placement" json:"placement"`
}

// Rules say which clusters may run a model, and how much of it.
type Rules struct {
	// MatchLabels are labels that a cluster must have, with these values. Default: none.
	MatchLabels map[string]string `pulumi:"matchLabels,optional" json:"matchLabels,omitempty"`
	// MatchExpressions are further conditions for a cluster's labels, as in a LabelSelector of Kubernetes. All of them must hold.
	// Default: none.
	MatchExpressions []LabelRequirement `pulumi:"matchExpressions,optional" json:"matchExpressions,omitempty"`
	// Tolerations are the taints, of clusters and of pools, that the model may run in spite of. Default: none.
	Tolerations []Toleration `pulumi:"tolerations,optional" json:"tolerations,omitempty"`
	// MaxPerCluster is how many replicas a cluster may have at most: 0 to 150,000. Default: 0, no limit.
	MaxPerCluster int `pulumi:"maxPerCluster,optional" json:"maxPerCluster,omitempty"`
}

// check finds every fault of what is placed. A cluster's faults are below clusters, those of the memory below placed.
func check(request Request, clusters []Cluster, placed map[string]int) fault.List {
	faults := request.Check()
	seen := map[string]bool{}
	for i, c := range clusters {
		path := fault.Index("clusters", i)
		faults = append(faults, c.Check(path)...)
		if c.Name != "" && seen[c.Name] {
			faults.Addf(path+".name", "%q is the name of another cluster in the list, too; give each its own", c.Name)
		}
		seen[c.Name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(placed)) {
		checkCount(fault.Key("placed", name), placed[name], 0, MaxReplicas, "how many replicas run there", &faults)
	}
	return faults
}

// Check finds every fault of a request.
func (r Request) Check() fault.List {
	var faults fault.List
	checkCount("replicas", r.Replicas, 0, MaxReplicas, "how many replicas are to run", &faults)
	checkCount("nodesPerReplica", r.NodesPerReplica, 1, maxCount, "how many nodes a replica spans", &faults)
	for i, d := range r.Devices {
		d.check(fault.Index("devices", i), &faults)
	}
	faults = append(faults, names.Selector("placement.matchLabels", r.Placement.MatchLabels)...)
	for i, requirement := range r.Placement.MatchExpressions {
		requirement.check(fault.Index("placement.matchExpressions", i), &faults)
	}
	for i, t := range r.Placement.Tolerations {
		t.Check(fault.Index("placement.tolerations", i), &faults)
	}
	checkCount("placement.maxPerCluster", r.Placement.MaxPerCluster, 0, MaxReplicas,
		"how many replicas a cluster may have, or 0 for no limit", &faults)
	return faults
}

// checkCount refuses a number out of range; what says what the number is of.
func checkCount(path string, n, least, most int, what string, faults *fault.List) {
	switch {
	case n < least:
		faults.Addf(path, "%d is below %d; write %s, %d to %d", n, least, what, least, most)
	case n > most:
		faults.Addf(path, "%d is above %d; write %s, %d to %d", n, most, what, least, most)
	}
}
