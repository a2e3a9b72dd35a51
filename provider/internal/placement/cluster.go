package placement

import (
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
	"github.com/modelplane/pulumi-modelplane/provider/internal/names"
)

// Cluster is what is known of a cluster that may run replicas. Nothing of it is read from the cluster itself.
type Cluster struct {
	// Name tells the cluster from the others: a DNS label (RFC 1123) of up to 63 characters. What runs where is remembered by it, so
	// a cluster with a new name is a new cluster.
	Name string `pulumi:"name" json:"name"`
	// Labels are what a model's placement matches, such as region and tier. Default: none.
	Labels map[string]string `pulumi:"labels,optional" json:"labels,omitempty"`
	// Taints keep models away that do not tolerate them. Default: none.
	Taints []Taint `pulumi:"taints,optional" json:"taints,omitempty"`
	// Pools are the groups of like nodes that the cluster has. Default: none, so that only models without devices run there.
	Pools []Pool `pulumi:"pools,optional" json:"pools,omitempty"`
	// LeaderWorkerSet says whether the cluster has LeaderWorkerSet, without which no replica spans nodes. Default: false.
	LeaderWorkerSet bool `pulumi:"leaderWorkerSet,optional" json:"leaderWorkerSet,omitempty"`
	// Drain moves all replicas to other clusters, and lets no new ones in. Default: false.
	Drain bool `pulumi:"drain,optional" json:"drain,omitempty"`
}

// Pool is a group of nodes that have the same devices.
type Pool struct {
	// Name tells the pool from the cluster's others: the syntax of a label's value.
	Name string `pulumi:"name" json:"name"`
	// Labels are those of the pool's nodes, by which Pods find them. Placement does not look at them. Default: none.
	Labels map[string]string `pulumi:"labels,optional" json:"labels,omitempty"`
	// Taints are those of the pool's nodes. Default: none.
	Taints []Taint `pulumi:"taints,optional" json:"taints,omitempty"`
	// Nodes is how many nodes the pool has, or may have at most where it is scaled automatically: 0 to 1,000,000.
	Nodes int `pulumi:"nodes" json:"nodes"`
	// Devices are what each of the nodes has. Default: none.
	Devices []Device `pulumi:"devices,optional" json:"devices,omitempty"`
}

// Check finds every fault of a cluster's facts, which are the properties of the object at path.
func (c Cluster) Check(path string) fault.List {
	var faults fault.List
	if len(validation.IsDNS1123Label(c.Name)) > 0 {
		faults.Addf(fault.Key(path, "name"), "%q is not a name for a cluster: write up to %d lower-case letters, digits and hyphens, with "+
			"a letter or digit first and last (RFC 1123)", c.Name, validation.DNS1123LabelMaxLength)
	}
	faults = append(faults, names.Selector(fault.Key(path, "labels"), c.Labels)...)
	checkTaints(fault.Key(path, "taints"), c.Taints, &faults)
	seen := map[string]bool{}
	for i, p := range c.Pools {
		at := fault.Index(fault.Key(path, "pools"), i)
		p.check(at, &faults)
		if p.Name != "" && seen[p.Name] {
			faults.Addf(at+".name", "%q is the name of another pool of the cluster, too; give each its own", p.Name)
		}
		seen[p.Name] = true
	}
	return faults
}

func (p Pool) check(path string, faults *fault.List) {
	problems := validation.IsValidLabelValue(p.Name)
	switch {
	case p.Name == "":
		faults.Addf(path+".name", "is empty; write the pool's name")
	case len(problems) > 0:
		faults.Addf(path+".name", "%q is not a name for a pool: %s", p.Name, strings.Join(problems, "; "))
	}
	*faults = append(*faults, names.Selector(path+".labels", p.Labels)...)
	checkTaints(path+".taints", p.Taints, faults)
	checkCount(path+".nodes", p.Nodes, 0, maxCount, "how many nodes the pool has", faults)
	seen := map[string]bool{}
	for i, d := range p.Devices {
		at := fault.Index(path+".devices", i)
		d.check(at, faults)
		if d.name() != "" && seen[d.name()] {
			faults.Addf(at, "is of %s, as is another entry of the pool; write one entry with the count of both, or two pools where the "+
				"nodes differ", d.name())
		}
		seen[d.name()] = true
	}
}
